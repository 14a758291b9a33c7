// SPDX-License-Identifier: Apache-2.0
#include "builder/boot_files.h"

#include <algorithm>

#include "builder/board_words.h"
#include "builder/gzip.h"
#include "imagefmt/android/boot_image.h"
#include "imagefmt/android/vbmeta.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

/// arm64's Image (Documentation/arch/arm64/booting.rst) and what gzip makes begin with these.
constexpr size_t kImageMagicOffset = 56;
constexpr std::string_view kImageMagic = "ARM\x64", kGzipMagic = "\x1f\x8b";

bool is_image(std::string_view kernel) {
  return kernel.size() > kImageMagicOffset &&
         kernel.substr(kImageMagicOffset).starts_with(kImageMagic);
}

/// The kernel in the form that the loader takes.
std::string kernel_for(const Board& board, const BootParts& parts) {
  std::string kernel = read_file(parts.kernel);
  const KernelImage wanted = board.kernel_image;
  if (wanted == KernelImage::kAsBuilt) return kernel;
  if (wanted == KernelImage::kImageGz && kernel.starts_with(kGzipMagic)) return kernel;
  if (is_image(kernel) && wanted == KernelImage::kImageGz) return gzip(as_bytes(kernel));
  if (is_image(kernel) && wanted == KernelImage::kImage) return kernel;
  throw Error(fmt::format(
      "its loader takes the kernel as {}, and this one is not an Image of arm64", spell(wanted)));
}

/// The one device tree of a board whose loader does not choose.
std::string device_tree_for(const Board& board, const BootParts& parts) {
  if (board.device_trees.size() != 1 || board.device_trees[0].find('*') != std::string::npos) {
    throw Error(fmt::format("its definition must name one device tree, and names {}",
                            board.device_trees.empty()
                                ? "none"
                                : fmt::format("'{}'", fmt::join(board.device_trees, "', '"))));
  }
  const std::string name = board.device_trees[0] + ".dtb";
  if (parts.device_trees.empty()) {
    throw Error(fmt::format("it needs the device tree '{}', and there are none", name));
  }
  return with_context("its device tree",
                      [&] { return read_file(parts.device_trees + '/' + name, 64 << 20); });
}

void check_size(const Board& board, const BootFile& file) {
  if (board.max_boot_bytes && file.bytes.size() > *board.max_boot_bytes) {
    throw Error(fmt::format("{} has {} bytes, and the board takes at most {}", file.name,
                            file.bytes.size(), *board.max_boot_bytes));
  }
}

/// Versions 0 to 2: all is in boot.img.
BootImage boot_image(const Board& board, const BootParts& parts) {
  BootImage image;
  image.header_version = board.android.header_version;
  image.page_size = board.android.page_size;
  image.kernel = kernel_for(board, parts);
  image.ramdisk = read_file(parts.initrd);
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
      {.bytes = read_file(parts.initrd), .type = image.header_version == 3 ? 0 : kPlatform}};
  image.dtb = device_tree_for(board, parts);
  image.cmdline = parts.command_line;
  set_addresses(image, board.android.addresses);
  return image;
}

void add_android_images(const Board& board, const BootParts& parts, std::vector<BootFile>& files) {
  auto add = [&](const std::string& kind, std::string bytes) {
    files.push_back({kind + ".img", kind, std::move(bytes)});
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

struct Writer {
  BootKind kind;
  void (*add)(const Board&, const BootParts&, std::vector<BootFile>&);
};
constexpr Writer kWriters[] = {{BootKind::kAndroid, add_android_images}};

}  // namespace

std::vector<BootFile> make_boot_files(const Board& board, const BootParts& parts) {
  return with_context(fmt::format("cannot boot board '{}'", board.name), [&] {
    std::vector<BootFile> files;
    for (const Writer& writer : kWriters) {
      if (boots_by(board, writer.kind)) writer.add(board, parts, files);
    }
    return files;
  });
}

}  // namespace builder
