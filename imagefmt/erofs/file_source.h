// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "imagefmt/content.h"
#include "imagefmt/erofs/cluster_index.h"

namespace imagefmt::erofs {

/// The bytes of one inode: of a file, a directory or a symlink. Nothing of an index or a table is
/// kept: it is read from the image as it is needed.
class FileSource : public ContentSource {
 public:
  /// Throws if the image cannot hold such data.
  FileSource(std::shared_ptr<const Image> image, const Inode& inode);
  void read(uint64_t offset, std::span<uint8_t> into) const override;
  /// The same, without naming the image in Errors.
  void read_part(uint64_t offset, std::span<uint8_t> into) const;

 private:
  uint64_t inline_start() const;
  void check_chunks();
  void read_flat(uint64_t offset, std::span<uint8_t> into) const;
  void read_chunks(uint64_t offset, std::span<uint8_t> into) const;
  void read_packed(uint64_t offset, std::span<uint8_t> into) const;
  void unpack(const PackedExtent& extent, std::span<uint8_t> into) const;

  std::shared_ptr<const Image> image_;
  Inode inode_;
  std::optional<ClusterIndex> index_;  // of packed data
};

}  // namespace imagefmt::erofs
