// SPDX-License-Identifier: Apache-2.0
//
// A kernel's configuration judged by what an image asks of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/initrd.h"
#include "builder/kernel_config.h"
#include "builder/kernel_params.h"
#include "builder/kernel_requirements.h"

namespace builder {

/// What a kernel boots with.
struct KernelBoot {
  policy::KernelVersion version;
  KernelParams params;
  const Initrd* initrd = nullptr;  // none: not known, and modules are warned of
};

struct KernelFinding {
  KernelRequirement option;  // that is not met
  Severity severity = Severity::kWarning;
  std::string found;    // as a configuration has it; empty: it does not speak of the option
  std::string message;  // `CONFIG_X is not set, expected y`
};

struct KernelVerdict {
  std::vector<KernelFinding> findings;
  size_t met = 0;  // requirements

  bool has_errors() const;
};

/// REQUIRES: `requirements` were selected for this kernel's version.
KernelVerdict check_kernel(const KernelConfig& config, const KernelRequirements& requirements,
                           const KernelBoot& boot);

/// A line a finding: `error: CONFIG_X is not set, expected y: <reason> (<group>; <source>)`, then
/// how many requirements are met.
std::string verdict_text(const KernelVerdict& verdict);
std::string verdict_json(const KernelVerdict& verdict);

}  // namespace builder
