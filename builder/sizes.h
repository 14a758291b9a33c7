// SPDX-License-Identifier: Apache-2.0
//
// What an image is made of: the bytes of its files by store path, by package and by label, and what
// the format adds to them. A function of the image alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"
#include "imagefmt/written_image.h"

namespace builder {

struct FileSizes {
  uint64_t files = 0;
  uint64_t bytes = 0;         // as a reader of the files sees them, equal files counted each time
  uint64_t stored_bytes = 0;  // in the image (WrittenImage::file_bytes); 0 of what is only planned
};

struct NamedSizes {
  std::string name;
  FileSizes sizes;
};

/// Each table has all files in it; the largest rows come first, by what is stored, then by bytes.
struct SizeTables {
  FileSizes all;
  std::vector<NamedSizes> by_store_path;  // empty name: what lies outside of the store
  /// By policy::package_name(): versions, outputs and store paths of one name are one package.
  std::vector<NamedSizes> by_package;
  std::vector<NamedSizes> by_label;
};

/// `stored_bytes` are those of the files in the order of imagefmt::walk_files(), or none.
SizeTables tabulate_sizes(const imagefmt::FileTree& tree, std::span<const uint64_t> stored_bytes);

struct ImageSizes {
  SizeTables files;
  imagefmt::WrittenImage written;  // without file_bytes
  uint64_t image_bytes = 0;        // the sum of all that
};
ImageSizes measure_sizes(const imagefmt::FileTree& tree, imagefmt::WrittenImage written);

/// A kind of bytes, and how many of them an image has.
struct Part {
  std::string_view name;
  uint64_t bytes;
};
/// All kinds, files first, in a fixed order. They add up to the image.
std::vector<Part> parts_of(const ImageSizes& sizes);

/// `1.4 GB`, or `1.4 GB (1.3 GB of it reused)`.
std::string format_image_size(const ImageSizes& sizes);
/// A few lines: the image by kinds, what equal files save, and the ten largest packages.
std::string sizes_summary(const ImageSizes& sizes);

}  // namespace builder
