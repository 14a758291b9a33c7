// SPDX-License-Identifier: Apache-2.0
#include "builder/boot_writers.h"
#include "imagefmt/android/boot_image.h"
#include "imagefmt/android/vbmeta.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

/// Versions 0 to 2: all is in boot.img.
BootImage boot_image(const Board& board, const BootParts& parts) {
  BootImage image;
  image.header_version = board.android.header_version;
  image.page_size = board.android.page_size;
  image.kernel = kernel_for(board, parts);
  image.ramdisk = parts.initrd.read();
  image.cmdline = parts.command_line;
  const DtbPlace place = board.dtb_place;
  if (place != DtbPlace::kNone) {
    const std::string dtb = device_tree_for(board, parts);
    if (place != DtbPlace::kHeader) image.kernel += dtb;
    if (place != DtbPlace::kAppended) image.dtb = dtb;
  }
  set_addresses(image, board.android.addresses);
  return image;
}

/// From version 3 on boot.img holds the kernel, and vendor_boot.img what is the device's: as there is one
/// initrd, for this device, that is all else.
BootImage kernel_image(const Board& board, const BootParts& parts) {
  BootImage image;
  image.header_version = board.android.header_version;
  image.kernel = kernel_for(board, parts);
  return image;
}

VendorBootImage vendor_boot_image(const Board& board, const BootParts& parts) {
  constexpr uint32_t kPlatform = 1;
  VendorBootImage image;
  image.header_version = board.android.header_version;
  image.page_size = board.android.page_size;
  image.ramdisks = {
      {.bytes = parts.initrd.read(), .type = image.header_version == 3 ? 0 : kPlatform}};
  image.dtb = device_tree_for(board, parts);
  image.cmdline = parts.command_line;
  set_addresses(image, board.android.addresses);
  return image;
}

}  // namespace

void add_android_images(const Board& board, const BootParts& parts, std::vector<BootFile>& files) {
  auto add = [&](const std::string& kind, std::string bytes) {
    files.push_back(make_boot_file(kind + ".img", kind, Content::from_bytes(std::move(bytes))));
  };
  if (board.android.header_version <= 2) {
    add("boot",
        with_context("boot.img", [&] { return serialize_boot_image(boot_image(board, parts)); }));
    check_size(board, files.back());
  } else {
    add("boot",
        with_context("boot.img", [&] { return serialize_boot_image(kernel_image(board, parts)); }));
    check_size(board, files.back());
    add("vendor_boot", with_context("vendor_boot.img", [&] {
          return serialize_vendor_boot_image(vendor_boot_image(board, parts));
        }));
  }
  if (board.android.vbmeta_flags) {
    std::string vbmeta = serialize_vbmeta({.flags = *board.android.vbmeta_flags});
    vbmeta.resize(align_up(vbmeta.size(), board.android.page_size));
    add("vbmeta", std::move(vbmeta));
  }
}

}  // namespace builder
