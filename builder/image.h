// SPDX-License-Identifier: Apache-2.0
//
// The one place that knows which image formats there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/board.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/compression.h"
#include "imagefmt/path_pattern.h"
#include "imagefmt/reference.h"
#include "imagefmt/tree.h"
#include "imagefmt/written_image.h"
#include "policy/kernel_version.h"

namespace builder {

/// How an image is made. What is not given is the format's own default.
struct ImageOptions {
  RootFormat format = RootFormat::kSquashfs;
  std::optional<imagefmt::Compression> compression;
  std::optional<int> level;            // the compressor's
  std::optional<uint32_t> block_size;  // bytes
  uint64_t free_space_bytes = 0;       // for what is written once the image is in use
  bool journal = false;                // of ext4
  bool share_data = false;             // equal files have their blocks in common: ext4
  std::vector<imagefmt::PathPattern> uncompressed = {};  // what is stored as it is
  std::string volume_name;  // by which the file system can be found: LABEL=…
  std::string identity;     // of what the tree was made from; ids derive from it
  int64_t image_mtime = 1;  // seconds; the image's own time
  std::string reference;    // an earlier image, for what did not change; empty: none
  unsigned jobs = 0;
};

/// The format of that name. Throws UsageError `unknown format '…': expected …`.
RootFormat parse_image_format(std::string_view name);
/// `squashfs, ext4 and erofs`
std::string image_formats();

/// Whether the image is mounted read-only: it has no room to be written to.
bool is_read_only(const ImageOptions& options);

/// The compression of its data: what was chosen, or the format's own.
imagefmt::Compression used_compression(const ImageOptions& options);

/// Throws for options that the format does not have, or that are out of its range.
void check_image_options(const ImageOptions& options);

/// Says of each file whether it is compressed. Warns of patterns that match none.
void choose_compression(imagefmt::FileTree& tree, const ImageOptions& options,
                        imagefmt::Reporter& reporter);

/// Throws `cannot compress the image with zstd: Linux 6.1.0 does not read erofs with it, 6.10 and
/// newer do; choose lz4`.
void check_image_is_read(const ImageOptions& options, const policy::KernelVersion& kernel);

/// Writes `tree` as an image to `out`, from its first byte to its last. Returns where its bytes
/// went, and the index to store beside it. Throws what the format's writer throws; `out` then holds
/// no image. A reference that cannot serve is a warning.
imagefmt::WrittenImage write_image(const imagefmt::FileTree& tree, const ImageOptions& options,
                                   imagefmt::File& out, imagefmt::Reporter& reporter);

/// The size of the image that write_image() would make, for the formats that know it before they
/// write: ext4. Throws what the writer throws before it writes.
std::optional<uint64_t> planned_image_size(const imagefmt::FileTree& tree,
                                           const ImageOptions& options);

/// Reads an image of any format that we write, told by its magic number. Contents are read from
/// the file when asked for.
imagefmt::FileTree read_image(const std::string& path);

/// The same with the numbers of its inodes.
imagefmt::NumberedTree read_numbered_image(const std::string& path);

/// Of the same formats, as policies call them (`fs_use_xattr squashfs`): told by the magic number,
/// too.
std::string filesystem_of(const std::string& path);

}  // namespace builder
