// SPDX-License-Identifier: Apache-2.0
//
// Requirements as configurations are given: to Kconfig, to nixpkgs, and to programs.
#pragma once

#include <string>
#include <string_view>

#include "builder/kernel_requirements.h"

namespace builder {

enum class FragmentFormat { kKconfig, kNix, kJson };

/// The line that a configuration has: `CONFIG_X=y`, `# CONFIG_X is not set`.
std::string config_line(const KernelRequirement& option);

/// All options of `requirements`, CONFIG_LSM among them, with their reasons.
///   - kKconfig: a fragment for scripts/kconfig/merge_config.sh.
///   - kNix: a function of lib and the kernel's version that gives structuredExtraConfig. What an
///     image can do without is `option`al; what nixpkgs sets otherwise is forced.
///   - kJson: one object; a list of options.
/// `title` says of what it is, in one line.
std::string serialize_fragment(const KernelRequirements& requirements, std::string_view title,
                               FragmentFormat format);

}  // namespace builder
