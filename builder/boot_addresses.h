// SPDX-License-Identifier: Apache-2.0
//
// Where a loader puts the parts of an Android image, as mkbootimg's options and boards say it.
#pragma once

#include <cstdint>

#include "imagefmt/android/boot_image.h"

namespace builder {

struct BootAddresses {
  uint64_t base = 0x10000000;
  /// From base.
  uint64_t kernel_offset = 0x00008000, ramdisk_offset = 0x01000000, second_offset = 0x00f00000,
           tags_offset = 0x00000100, dtb_offset = 0x01f00000;

  friend bool operator==(const BootAddresses&, const BootAddresses&) = default;
};

/// Sets the addresses that the image's header version has, of the parts that it has. Throws
/// `cannot place the kernel: base 0x… and offset 0x… pass 0xffffffff`.
void set_addresses(imagefmt::BootImage& image, const BootAddresses& addresses);
void set_addresses(imagefmt::VendorBootImage& image, const BootAddresses& addresses);

}  // namespace builder
