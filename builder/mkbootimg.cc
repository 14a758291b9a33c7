// SPDX-License-Identifier: Apache-2.0
#include "builder/mkbootimg.h"

#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

/// What only a vendor boot image holds, where it is asked for without one.
void check_use(const MkbootimgOptions& options) {
  if (options.output.empty() && options.vendor_boot.empty()) {
    throw UsageError("--output or --vendor_boot must name what to write");
  }
  if (!options.vendor_boot.empty()) {
    if (options.header_version < 3) {
      throw UsageError(fmt::format("--vendor_boot is not of header version {}, but of 3 and 4",
                                   options.header_version));
    }
    if (options.header_version == 3 && options.vendor_ramdisk.empty()) {
      throw UsageError("--vendor_boot of header version 3 needs --vendor_ramdisk");
    }
    return;
  }
  const struct {
    std::string_view option;
    bool given;
  } kOfVendorBoot[] = {
      {"--dtb", options.header_version >= 3 && !options.dtb.empty()},
      {"--board", options.header_version >= 3 && !options.board.empty()},
      {"--vendor_cmdline", options.vendor_cmdline.has_value()},
      {"--vendor_ramdisk", !options.vendor_ramdisk.empty()},
      {"--vendor_ramdisk_fragment", !options.fragments.empty()},
      {"--vendor_bootconfig", !options.vendor_bootconfig.empty()},
  };
  for (const auto& [option, given] : kOfVendorBoot) {
    if (given) throw UsageError(fmt::format("{} is for --vendor_boot, which is not given", option));
  }
}

std::string part(const std::string& file) {
  return file.empty() ? std::string() : read_file(file);
}

BootImage boot_image(const MkbootimgOptions& options) {
  BootImage image;
  image.header_version = options.header_version;
  if (options.header_version <= 2) {
    image.page_size = options.page_size;
    image.dtb = part(options.dtb);
    image.name = options.board;
  }
  image.kernel = part(options.kernel);
  image.ramdisk = part(options.ramdisk);
  image.second = part(options.second);
  image.recovery_dtbo = part(options.recovery_dtbo);
  image.os_version = pack_os_version(options.os_version, options.os_patch_level);
  image.cmdline = options.cmdline;
  set_addresses(image, options.addresses);
  return image;
}

VendorBootImage vendor_boot_image(const MkbootimgOptions& options) {
  VendorBootImage image;
  image.header_version = options.header_version;
  image.page_size = options.page_size;
  if (!options.vendor_ramdisk.empty()) {
    constexpr uint32_t kPlatform = 1;
    image.ramdisks.push_back({.bytes = part(options.vendor_ramdisk),
                              .type = options.header_version == 3 ? 0 : kPlatform});
  }
  for (const VendorRamdiskFile& fragment : options.fragments) {
    image.ramdisks.push_back(fragment.ramdisk);
    image.ramdisks.back().bytes = part(fragment.file);
  }
  image.dtb = part(options.dtb);
  image.bootconfig = part(options.vendor_bootconfig);
  image.name = options.board;
  image.cmdline = options.vendor_cmdline.value_or("");
  set_addresses(image, options.addresses);
  return image;
}

void write(const std::string& path, const std::string& bytes) {
  if (path.empty()) return;
  OutputFile output(path);
  output.file().write(0, as_bytes(bytes));
  output.commit();
}

}  // namespace

std::optional<std::array<uint8_t, 32>> mkbootimg(const MkbootimgOptions& options) {
  check_use(options);
  std::optional<std::array<uint8_t, 32>> id;
  std::string boot, vendor_boot;
  if (!options.output.empty()) {
    with_context("boot image", [&] {
      const BootImage image = boot_image(options);
      boot = serialize_boot_image(image);
      if (image.header_version <= 2) id = boot_image_id(image);
    });
  }
  if (!options.vendor_boot.empty()) {
    with_context("vendor boot image",
                 [&] { vendor_boot = serialize_vendor_boot_image(vendor_boot_image(options)); });
  }
  write(options.output, boot);
  write(options.vendor_boot, vendor_boot);
  return id;
}

}  // namespace builder
