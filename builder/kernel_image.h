// SPDX-License-Identifier: Apache-2.0
//
// What a kernel image says of itself: its release and, if it was built with IKCONFIG, its
// configuration. Known are the x86 boot protocol (Documentation/arch/x86/boot.rst), EFI zboot
// (drivers/firmware/efi/libstub/zboot-header.S), images compressed as a whole (Image.gz), and
// anything that holds the kernel's bytes as they are (arm64 Image, vmlinux). Images are hostile
// input: what is unpacked is bounded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imagefmt/base/bytes.h"

namespace builder {

/// What `uname -r` will answer: from the header of an x86 image, else from the banner `Linux
/// version …`. Throws `cannot read kernel image '<name>': …`.
std::string kernel_release(imagefmt::ByteView image, std::string_view name);

/// The ELF file that the image is, or that is packed in it whole, which hypervisors load that know no
/// bzImage. Throws `cannot read kernel image '<name>': …`.
std::string vmlinux_of(imagefmt::ByteView image, std::string_view name);

/// The configuration that the image carries (CONFIG_IKCONFIG), or no value.
std::optional<std::string> kernel_config(imagefmt::ByteView image);

}  // namespace builder
