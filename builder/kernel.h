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
};

/// Reads the kernel of `spec`. A toplevel with `kernel-modules` must have a folder of this kernel's
/// release there: a kernel of one version with modules of another is an Error.
Kernel read_kernel(const Closure& closure, const Bootspec& spec);

/// The text of the kernel's configuration, if the closure holds it: `config` beside the kernel,
/// `config` or `build/.config` in the modules' folder, or inside the image (IKCONFIG), which takes
/// about a second to unpack. For its values see find_config_value (kernel_image.h).
std::optional<std::string> read_kernel_config(const Closure& closure, const Bootspec& spec,
                                              const Kernel& kernel);

/// Throws if the kernel is known to have no permissive mode: built without SECURITY_SELINUX_DEVELOP
/// it enforces whatever /etc/selinux/config says. A configuration that is nowhere to be read tells
/// nothing.
void check_can_be_permissive(const Closure& closure, const Bootspec& spec, const Kernel& kernel);

}  // namespace builder
