// SPDX-License-Identifier: Apache-2.0
//
// From a log of denials to what would mend them, for a system as `build` would make it.
#pragma once

#include <string>
#include <string_view>

#include "builder/system_options.h"
#include "imagefmt/base/reporter.h"
#include "policy/denials.h"

namespace builder {

/// Labels the system and judges the log by it. `image` is the root image that ran, for its inode
/// numbers; empty: they tell nothing. A log without a message asks for nothing of all this.
policy::DenialReport judge_denials(const policy::AuditLog& log, const SystemOptions& system,
                                   const std::string& image, imagefmt::Reporter& reporter);

/// A block a denial, its first line `denied SOURCE TARGET:CLASS { PERMISSIONS } …`; then the errors;
/// then the statements for a policy module.
std::string format_denials(const policy::DenialReport& report);
/// The same as JSON.
std::string serialize_denials(const policy::DenialReport& report);

}  // namespace builder
