// SPDX-License-Identifier: Apache-2.0
//
// Compressed data and its packed index.
#pragma once

#include <vector>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/erofs/format.h"

namespace imagefmt::erofs {

/// The most bytes that an extent of several blocks holds. A reader unpacks all of an extent for any
/// byte of it.
constexpr unsigned kMaxExtentLog = 17;

/// Bytes of a file that a block or a few unfold to, or that one holds as they are.
class Extent {
 public:
  static constexpr uint32_t kMaxSize = 0x3fffff, kMaxBlocks = 0x1ff;

  static Extent packed(size_t size, size_t block_count) { return {size, block_count, false}; }
  static Extent plain(size_t size) { return {size, 1, true}; }

  uint32_t size() const { return size_; }
  uint32_t block_count() const { return block_count_; }
  bool is_plain() const { return is_plain_; }

 private:
  Extent(size_t size, size_t block_count, bool is_plain)
      : size_(static_cast<uint32_t>(size) & kMaxSize),
        block_count_(block_count & kMaxBlocks),
        is_plain_(is_plain) {}

  uint32_t size_ : 22, block_count_ : 9, is_plain_ : 1;  // there are millions
};

struct PackedPart {
  Bytes blocks;
  std::vector<Extent> extents;  // all but the last reach into the next cluster
  uint64_t checksum = 0;        // XXH3 of the blocks
};

/// How many blocks the extents take.
uint32_t block_count(const std::vector<Extent>& extents);

/// What the index of a file of `size` bytes takes behind an inode whose header and xattrs take
/// `before` bytes, with its own header and what aligns it.
uint64_t index_size(uint64_t before, uint64_t size);
/// Appends it to `bytes` of an inode, of which `before` are header and xattrs. `first_block` is that
/// of the first extent; the others' follow. All extents but zstd's have one block.
void append_index(Bytes& bytes, uint64_t before, uint64_t size, const std::vector<Extent>& extents,
                  uint32_t first_block, Algorithm algorithm);

/// How the entries of an index are packed.
struct IndexShape {
  uint64_t start = 0;          // bytes from the inode to the first entry
  uint64_t leading_pairs = 0;  // entries by two, up to a multiple of 32 bytes
  uint64_t sixteens = 0;       // entries by sixteen
  // The rest is by two.
};
/// For `clusters` entries behind an inode at a multiple of kSlotSize.
IndexShape index_shape(uint64_t before, uint64_t clusters, bool by_sixteen);

}  // namespace imagefmt::erofs
