// SPDX-License-Identifier: Apache-2.0
//
// Android boot images of files, with AOSP mkbootimg's options and bytes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/boot_addresses.h"

namespace builder {

struct VendorRamdiskFile {
  std::string file;
  imagefmt::VendorRamdisk ramdisk;  // but for its bytes
};

struct MkbootimgOptions {
  uint32_t header_version = 0;
  uint32_t page_size = 2048;  // of boot images from version 3 on it is 4096 all the same
  BootAddresses addresses;
  /// Files; empty: none.
  std::string kernel, ramdisk, second, dtb, recovery_dtbo, vendor_bootconfig;
  std::string vendor_ramdisk;  // without a name, before the fragments
  std::vector<VendorRamdiskFile> fragments;
  std::string cmdline, board, os_version, os_patch_level;
  std::optional<std::string> vendor_cmdline;
  /// What to write, one of them at least.
  std::string output, vendor_boot;
};

/// Writes `output` and `vendor_boot`, each whole or not at all and none if one of them cannot be made.
/// Gives the boot image's id where its version has one. Throws UsageError for options that the header
/// version has no use for.
std::optional<std::array<uint8_t, 32>> mkbootimg(const MkbootimgOptions& options);

}  // namespace builder
