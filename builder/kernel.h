// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "builder/bootspec.h"
#include "builder/closure.h"
#include "imagefmt/base/bytes.h"

namespace builder {

struct Kernel {
  std::string release;                 // as `uname -r` says it: "6.12.41"
  std::optional<std::string> modules;  // `/nix/store/…/lib/modules/<release>`; none if monolithic
};

/// Reads the kernel of `spec`. A toplevel with `kernel-modules` must have a folder of this kernel's
/// release there: a kernel of one version with modules of another is an Error.
Kernel read_kernel(const Closure& closure, const Bootspec& spec);

/// The text of the kernel's configuration, if the closure holds it: `config` or `config-<release>`
/// beside the kernel, `config` or `build/.config` in the modules' folder, or inside the image
/// (IKCONFIG), which takes about a second to unpack.
std::optional<std::string> read_kernel_config(const Closure& closure, const Bootspec& spec,
                                              const Kernel& kernel);

/// The text of a configuration that lies in `file` of the host: as it is, compressed, or inside a
/// kernel image, beside which it may stand as `config` or `config-<release>` too. Throws
/// `cannot find the configuration of kernel '<file>': …` if it is nowhere.
std::string read_config_file(const std::string& file);

/// That of the kernel whose image is `file` of the host and holds `image`: inside it, or beside it.
std::optional<std::string> find_config_of_image(const std::string& file, imagefmt::ByteView image);

}  // namespace builder
