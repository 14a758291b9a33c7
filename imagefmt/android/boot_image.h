// SPDX-License-Identifier: Apache-2.0
//
// Android's boot images, header versions 0 to 4, and vendor boot images, 3 and 4: values, the bytes
// that AOSP's mkbootimg makes of them, and a reader that checks every field. All functions are pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// A part that an image does not have is empty. Fields that `header_version` does not have keep the
/// values that they have here.
struct BootImage {
  uint32_t header_version = 0;
  uint32_t page_size = 4096;  // 2048 to 16384 in versions 0 to 2, else 4096
  std::string kernel, ramdisk;
  std::string second;         // versions 0 to 2
  std::string recovery_dtbo;  // versions 1 and 2
  std::string dtb;            // version 2, which must have one
  std::string signature;      // version 4
  /// Physical; versions 0 to 2. That of a part which is absent is 0.
  uint32_t kernel_address = 0, ramdisk_address = 0, second_address = 0, tags_address = 0;
  uint64_t dtb_address = 0;  // version 2
  uint32_t os_version = 0;   // pack_os_version()
  std::string name;          // versions 0 to 2
  std::string cmdline;

  friend bool operator==(const BootImage&, const BootImage&) = default;
};

struct VendorRamdisk {
  std::string bytes = {};
  /// In version 4 alone.
  uint32_t type = 0;  // find_vendor_ramdisk_type()
  std::string name = {};
  std::array<uint32_t, 16> board_id{};

  friend bool operator==(const VendorRamdisk&, const VendorRamdisk&) = default;
};

struct VendorBootImage {
  uint32_t header_version = 3;
  uint32_t page_size = 4096;
  std::vector<VendorRamdisk> ramdisks;  // of version 3 exactly one
  std::string dtb;
  std::string bootconfig;  // version 4
  uint32_t kernel_address = 0, ramdisk_address = 0, tags_address = 0;
  uint64_t dtb_address = 0;
  std::string name;
  std::string cmdline;

  friend bool operator==(const VendorBootImage&, const VendorBootImage&) = default;
};

using AnyBootImage = std::variant<BootImage, VendorBootImage>;

/// How many bytes a command line may have in a boot image of that version, or in a vendor boot image.
/// REQUIRES: header_version <= 4.
size_t max_boot_cmdline_bytes(uint32_t header_version);
size_t max_vendor_cmdline_bytes();

/// The image's bytes. Throws an Error with a line for each limit that the value exceeds: lengths,
/// numbers that their fields cannot hold, memory that two parts would be loaded to, names.
std::string serialize_boot_image(const BootImage& image);
std::string serialize_vendor_boot_image(const VendorBootImage& image);

/// What mkbootimg derives of the parts (SHA-1, then zeros). REQUIRES: header_version <= 2.
std::array<uint8_t, 32> boot_image_id(const BootImage& image);

struct ParsedBootImage {
  AnyBootImage image;
  uint64_t size_bytes =
      0;  // what follows is none of the image's: rest of a partition, AVB's footer
};

/// Throws if the bytes cannot be taken apart. What loaders read over, but serialize_… does not write,
/// goes to `faults`: an id that is not of these parts, padding that is not zero, unterminated text.
/// If there is none, the image is bytes that serialize_… makes again.
ParsedBootImage parse_boot_image(ByteView bytes, Faults& faults);

/// `version` is `A`, `A.B` or `A.B.C`, `patch_level` `YYYY-MM` or `YYYY-MM-DD`; either may be empty.
/// Throws `cannot read OS version 'x': …`, `cannot read OS patch level 'x': …`.
uint32_t pack_os_version(std::string_view version, std::string_view patch_level);
/// `A.B.C`, and `YYYY-MM`; empty if not set.
std::string os_version_text(uint32_t os_version);
std::string os_patch_level_text(uint32_t os_version);

/// `none`, `platform`, `recovery`, `dlkm`, or empty for a type without a name.
std::string_view name_of_vendor_ramdisk_type(uint32_t type);
/// One of these names, whatever the case, or nothing.
std::optional<uint32_t> find_vendor_ramdisk_type(std::string_view name);

}  // namespace imagefmt
