// SPDX-License-Identifier: Apache-2.0
//
// From module packages to CIL.
#pragma once

#include <string>
#include <vector>

#include "imagefmt/base/reporter.h"
#include "policy/modules.h"

namespace policy {

/// The CIL text of each module, in their order; source modules' is their own. Packages are read in
/// child processes, `jobs` at a time; what one requires and another declares is not required any
/// more (requirements.h). Damaged ones are all reported at once:
/// `cannot read policy module 'x.pp': <libsepol's reason>`; so are those that were compiled without
/// MLS for a policy with it, if they name contexts.
std::vector<std::string> convert_to_cil(std::vector<Module>& modules, unsigned jobs,
                                        imagefmt::Reporter& reporter);

}  // namespace policy
