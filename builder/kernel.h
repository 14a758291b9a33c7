// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "builder/bootspec.h"
#include "builder/closure.h"

namespace builder {

struct Kernel {
  std::string release;                 // as `uname -r` says it: "6.12.41"
  std::optional<std::string> modules;  // `/nix/store/…/lib/modules/<release>`; none if monolithic
  std::optional<std::string> config;   // the text of its configuration, where one was found
  std::optional<std::string> lsm;      // CONFIG_LSM of it
};

/// Reads the kernel of `spec`. A toplevel with `kernel-modules` must have a folder of this kernel's
/// release there: a kernel of one version with modules of another is an Error. The configuration is
/// looked for as `config` beside the kernel, as `config` and `build/.config` in the modules'
/// folder, and in the image itself.
Kernel read_kernel(const Closure& closure, const Bootspec& spec);

}  // namespace builder
