// SPDX-License-Identifier: Apache-2.0
#include "builder/boot_addresses.h"

namespace builder {

using imagefmt::Error;

namespace {

uint64_t sum(std::string_view what, uint64_t base, uint64_t offset, uint64_t most) {
  uint64_t address = 0;
  if (__builtin_add_overflow(base, offset, &address) || address > most) {
    throw Error(fmt::format("cannot place the {}: base {:#x} and offset {:#x} pass {:#x}", what,
                            base, offset, most));
  }
  return address;
}

uint32_t address_of(std::string_view what, const BootAddresses& addresses, uint64_t offset) {
  return static_cast<uint32_t>(sum(what, addresses.base, offset, UINT32_MAX));
}

uint64_t dtb_address(const BootAddresses& addresses) {
  return sum("device tree", addresses.base, addresses.dtb_offset, UINT64_MAX);
}

}  // namespace

void set_addresses(imagefmt::BootImage& image, const BootAddresses& addresses) {
  if (image.header_version > 2) return;
  image.kernel_address = address_of("kernel", addresses, addresses.kernel_offset);
  if (!image.ramdisk.empty()) {
    image.ramdisk_address = address_of("ramdisk", addresses, addresses.ramdisk_offset);
  }
  if (!image.second.empty()) {
    image.second_address = address_of("second stage", addresses, addresses.second_offset);
  }
  image.tags_address = address_of("tags", addresses, addresses.tags_offset);
  if (image.header_version == 2) image.dtb_address = dtb_address(addresses);
}

void set_addresses(imagefmt::VendorBootImage& image, const BootAddresses& addresses) {
  image.kernel_address = address_of("kernel", addresses, addresses.kernel_offset);
  image.ramdisk_address = address_of("ramdisk", addresses, addresses.ramdisk_offset);
  image.tags_address = address_of("tags", addresses, addresses.tags_offset);
  image.dtb_address = dtb_address(addresses);
}

}  // namespace builder
