// SPDX-License-Identifier: Apache-2.0
#include "builder/image.h"

#include <algorithm>
#include <array>
#include <vector>

#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/selection.h"
#include "imagefmt/squashfs/squashfs.h"

namespace builder {

namespace {

using imagefmt::Error;
using imagefmt::File;
using imagefmt::FileTree;
using imagefmt::Reporter;
using imagefmt::WrittenImage;

/// What only formats have that can be written to when they are in use.
void refuse_writable(const ImageOptions& options) {
  if (options.free_space_bytes != 0) {
    throw Error(fmt::format("cannot give a {} image free space: it cannot be written to",
                            to_text(options.format)));
  }
  if (options.journal) {
    throw Error(fmt::format("cannot give a {} image a journal: it cannot be written to",
                            to_text(options.format)));
  }
  if (options.share_data) {
    throw Error(fmt::format("cannot choose to share data in a {} image: it always does",
                            to_text(options.format)));
  }
}

imagefmt::SquashfsOptions squashfs_options(const ImageOptions& options) {
  imagefmt::SquashfsOptions squashfs;
  squashfs.compression = options.compression.value_or(squashfs.compression);
  squashfs.level = options.level;
  squashfs.block_size = options.block_size.value_or(squashfs.block_size);
  squashfs.jobs = options.jobs;
  squashfs.isolate_below = kStoreFolder;
  squashfs.image_mtime = options.image_mtime;
  squashfs.reference = options.reference;
  return squashfs;
}

void check_squashfs(const ImageOptions& options) {
  refuse_writable(options);
  if (!options.volume_name.empty()) {
    throw Error(
        fmt::format("cannot label a {} image: the format has none", to_text(options.format)));
  }
  imagefmt::check_squashfs_options(squashfs_options(options));
}

WrittenImage write_squashfs(const FileTree& tree, const ImageOptions& options, File& out,
                            Reporter& reporter) {
  return imagefmt::write_squashfs(tree, squashfs_options(options), out, reporter);
}

imagefmt::Ext4Options ext4_options(const ImageOptions& options) {
  imagefmt::Ext4Options ext4;
  ext4.free_space_bytes = options.free_space_bytes;
  ext4.journal = options.journal;
  ext4.share_data = options.share_data;
  ext4.volume_name = options.volume_name;
  ext4.identity = options.identity;
  ext4.image_mtime = options.image_mtime;
  ext4.reference = options.reference;
  ext4.jobs = options.jobs;
  return ext4;
}

void check_ext4(const ImageOptions& options) {
  if (options.compression || options.level) {
    throw Error("cannot compress an ext4 image: the format has no compression");
  }
  if (!options.uncompressed.empty()) {
    throw Error("cannot store some files of an ext4 image uncompressed: all of them are");
  }
  if (options.block_size && *options.block_size != 4096) {
    throw Error(fmt::format("cannot use a block size of {} bytes: ext4 images are made with 4096",
                            *options.block_size));
  }
  imagefmt::check_ext4_options(ext4_options(options));
}

WrittenImage write_ext4(const FileTree& tree, const ImageOptions& options, File& out,
                        Reporter& reporter) {
  return imagefmt::write_ext4(tree, ext4_options(options), out, reporter);
}

imagefmt::ErofsOptions erofs_options(const ImageOptions& options) {
  imagefmt::ErofsOptions erofs;
  erofs.compression = options.compression.value_or(erofs.compression);
  erofs.level = options.level;
  erofs.jobs = options.jobs;
  erofs.volume_name = options.volume_name;
  erofs.identity = options.identity;
  erofs.image_mtime = options.image_mtime;
  erofs.reference = options.reference;
  return erofs;
}

void check_erofs(const ImageOptions& options) {
  refuse_writable(options);
  if (options.block_size && *options.block_size != 4096) {
    throw Error(fmt::format("cannot use a block size of {} bytes: erofs images are made with 4096",
                            *options.block_size));
  }
  imagefmt::check_erofs_options(erofs_options(options));
}

WrittenImage write_erofs(const FileTree& tree, const ImageOptions& options, File& out,
                         Reporter& reporter) {
  return imagefmt::write_erofs(tree, erofs_options(options), out, reporter);
}

imagefmt::Compression squashfs_compression(const ImageOptions& options) {
  return squashfs_options(options).compression;
}
imagefmt::Compression erofs_compression(const ImageOptions& options) {
  return erofs_options(options).compression;
}
imagefmt::Compression no_compression(const ImageOptions&) {
  return imagefmt::Compression::kNone;
}

struct Format {
  RootFormat format;
  size_t magic_offset;
  std::string_view magic;
  imagefmt::Compression (*compression)(const ImageOptions&);
  void (*check)(const ImageOptions&);
  WrittenImage (*write)(const FileTree&, const ImageOptions&, File&, Reporter&);
  FileTree (*read)(std::shared_ptr<const File>, imagefmt::PathsByInode*);
};
constexpr Format kFormats[] = {
    {RootFormat::kSquashfs, 0, "hsqs", squashfs_compression, check_squashfs, write_squashfs,
     imagefmt::read_squashfs},
    {RootFormat::kExt4, 1024 + 56, "\x53\xef", no_compression, check_ext4, write_ext4,
     imagefmt::read_ext4},
    {RootFormat::kErofs, 1024, "\xe2\xe1\xf5\xe0", erofs_compression, check_erofs, write_erofs,
     imagefmt::read_erofs},
};

const Format& find_format(RootFormat wanted) {
  return *std::ranges::find(kFormats, wanted, &Format::format);
}

/// `a, b <last> c`.
std::string list_formats(std::string_view last) {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(to_text(format.format));
  return one_of(names, last);
}

const Format& format_of(const File& file) {
  for (const Format& format : kFormats) {
    std::string magic(format.magic.size(), '\0');
    const size_t found = file.read_some(format.magic_offset,
                                        {reinterpret_cast<uint8_t*>(magic.data()), magic.size()});
    if (found == magic.size() && magic == format.magic) return format;
  }
  std::array<uint8_t, 4> start{};
  (void)file.read_some(0, start);
  throw Error(fmt::format("cannot read image '{}': not a {} (magic {})", file.name(),
                          list_formats("or"), imagefmt::to_hex(start)));
}

FileTree read(const std::string& path, imagefmt::PathsByInode* numbers) {
  auto file = std::make_shared<const File>(File::open_for_reading(path));
  return format_of(*file).read(file, numbers);
}

}  // namespace

RootFormat parse_image_format(std::string_view name) {
  for (const Format& format : kFormats) {
    if (to_text(format.format) == name) return format.format;
  }
  throw imagefmt::UsageError(
      fmt::format("unknown format '{}': expected {}", name, list_formats("or")));
}

std::string image_formats() {
  return list_formats("and");
}

bool is_read_only(const ImageOptions& options) {
  return options.free_space_bytes == 0;
}

imagefmt::Compression used_compression(const ImageOptions& options) {
  return find_format(options.format).compression(options);
}

void check_image_options(const ImageOptions& options) {
  find_format(options.format).check(options);
}

void choose_compression(FileTree& tree, const ImageOptions& options, Reporter& reporter) {
  for (const imagefmt::PathPattern* unused :
       imagefmt::set_uncompressed(tree, options.uncompressed)) {
    reporter.warn(fmt::format("no file matches the pattern '{}' of what is stored uncompressed",
                              unused->text()));
  }
}

WrittenImage write_image(const FileTree& tree, const ImageOptions& options, File& out,
                         Reporter& reporter) {
  return find_format(options.format).write(tree, options, out, reporter);
}

std::optional<uint64_t> planned_image_size(const FileTree& tree, const ImageOptions& options) {
  if (options.format != RootFormat::kExt4) return std::nullopt;
  return imagefmt::planned_ext4_size(tree, ext4_options(options));
}

void check_image_is_read(const ImageOptions& options, const policy::KernelVersion& kernel) {
  if (options.format == RootFormat::kErofs &&
      used_compression(options) == imagefmt::Compression::kZstd &&
      kernel < policy::KernelVersion{6, 10}) {
    throw Error(
        fmt::format("cannot compress the image with zstd: Linux {} does not read erofs with it, "
                    "6.10 and newer do; choose lz4",
                    policy::to_string(kernel)));
  }
}

FileTree read_image(const std::string& path) {
  return read(path, nullptr);
}

imagefmt::NumberedTree read_numbered_image(const std::string& path) {
  imagefmt::NumberedTree numbered;
  numbered.tree = read(path, &numbered.paths_by_inode);
  std::ranges::sort(numbered.paths_by_inode);
  return numbered;
}

std::string filesystem_of(const std::string& path) {
  return std::string(to_text(format_of(File::open_for_reading(path)).format));
}

}  // namespace builder
