// SPDX-License-Identifier: Apache-2.0
#include "builder/image.h"

#include <array>

#include "imagefmt/base/digest.h"
#include "imagefmt/base/file.h"
#include "imagefmt/squashfs/squashfs.h"

namespace builder {

namespace {

using imagefmt::File;
using imagefmt::FileTree;

struct Format {
  std::string_view magic;
  const char* filesystem;
  FileTree (*read)(std::shared_ptr<const File>);
  imagefmt::NumberedTree (*read_numbered)(std::shared_ptr<const File>);
};
constexpr Format kFormats[] = {
    {"hsqs", "squashfs", imagefmt::read_squashfs, imagefmt::read_numbered_squashfs}};

const Format& format_of(const File& file) {
  std::array<uint8_t, 4> magic{};
  (void)file.read_some(0, magic);
  for (const Format& format : kFormats) {
    if (imagefmt::as_text(magic) == format.magic) return format;
  }
  throw imagefmt::Error(fmt::format("cannot read image '{}': not a squashfs (magic {})",
                                    file.name(), imagefmt::to_hex(magic)));
}

}  // namespace

FileTree read_image(const std::string& path) {
  auto file = std::make_shared<const File>(File::open_for_reading(path));
  return format_of(*file).read(file);
}

imagefmt::NumberedTree read_numbered_image(const std::string& path) {
  auto file = std::make_shared<const File>(File::open_for_reading(path));
  return format_of(*file).read_numbered(file);
}

std::string filesystem_of(const std::string& path) {
  return format_of(File::open_for_reading(path)).filesystem;
}

}  // namespace builder
