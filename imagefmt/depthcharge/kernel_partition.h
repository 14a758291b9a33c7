// SPDX-License-Identifier: Apache-2.0
//
// Kernel partitions of Chromebooks: what depthcharge loads, after vboot_reference (2struct.h, and
// vbutil_kernel, whose bytes these are). All functions are pure.
#pragma once

#include <cstdint>
#include <string>

#include "imagefmt/base/bytes.h"

namespace imagefmt::depthcharge {

constexpr size_t kMaxCommandLineBytes = 4095;

/// What is loaded, and where to in memory: kernel, command line, parameters and boot loader one behind
/// the other, each in whole pages of 4096 bytes.
struct Body {
  std::string kernel;               // a FIT image, or what of a bzImage runs in 32 bits
  std::string command_line;         // in it the firmware replaces %U by the partition's GUID
  std::string parameters = {};      // of a bzImage: its zero page, up to 4096 bytes
  std::string boot_loader = {};     // of a bzImage: the initrd; a page at least
  std::string vmlinuz_header = {};  // of a bzImage: the sectors that run in 16 bits

  friend bool operator==(const Body&, const Body&) = default;
};

/// The body of a kernel of x86 with an initrd, which depthcharge knows nothing of: it lies where the
/// kernel does not unpack itself to, and the zero page says where. Throws `cannot take '<name>' apart: …`
/// unless the kernel is a bzImage of boot protocol 2.10 or later.
Body split_bzimage(std::string_view kernel, std::string_view name, std::string_view initrd,
                   std::string command_line);

/// The contents of a .keyblock and of the .vbprivk that signs for the key in it.
struct SigningKeys {
  std::string keyblock, private_key;
};

/// Throws `cannot make a kernel partition: …` for a command line or parameters that are too long or no
/// text, and for keys that are none or do not belong together.
std::string serialize_kernel_partition(const Body& body, const SigningKeys& keys,
                                       uint32_t version = 1);

struct KernelPartition {
  std::string keyblock;
  uint32_t version = 0;
  Body body;  // but for the command line, filled up to whole pages with zeros
};

/// Takes nothing on trust: checks the keyblock's digest and both signatures by the key in the keyblock.
/// Who signed the keyblock is not known here. Bytes behind the body are ignored. Throws `cannot read the
/// kernel partition: …`.
KernelPartition parse_kernel_partition(ByteView bytes);

}  // namespace imagefmt::depthcharge
