// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/content.h"
#include "imagefmt/squashfs/image.h"

namespace imagefmt::squashfs {

/// What an inode says of a regular file's bytes.
struct FileShape {
  uint64_t size;  // bytes
  uint64_t start;
  MetadataPlace block_sizes;  // a le32 a block
  uint32_t fragment;
  uint32_t fragment_offset;

  /// Without a fragment the last block may be short.
  uint64_t block_count(uint32_t block_size) const {
    return size / block_size + (fragment == kNoFragment && size % block_size != 0);
  }
};

/// The bytes of one regular file. The sizes of its blocks are read from the image as they are
/// needed, and not kept: a hostile image may list any number of blocks of zeros.
class FileSource : public ContentSource {
 public:
  /// Throws if the image cannot hold such a file.
  FileSource(std::shared_ptr<const Image> image, const FileShape& shape);
  void read(uint64_t offset, std::span<uint8_t> into) const override;

 private:
  /// Where a block lies, and its entry in the list.
  struct Position {
    uint64_t index;
    uint64_t start;
    MetadataPlace entry;
  };
  void read_from(Position& position, uint64_t offset, std::span<uint8_t> into) const;
  void read_part(const Position& position, uint32_t size, uint64_t skip, uint64_t expected,
                 std::span<uint8_t> into) const;

  std::shared_ptr<const Image> image_;
  FileShape shape_;
  mutable std::mutex mutex_;
  mutable Position next_;  // where the last read ended: most go on from there
};

}  // namespace imagefmt::squashfs
