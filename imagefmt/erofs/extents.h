// SPDX-License-Identifier: Apache-2.0
//
// Compressed data and its packed index.
#pragma once

#include <vector>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/erofs/format.h"
#include "imagefmt/erofs/lz4.h"

namespace imagefmt::erofs {

/// Bytes of a file that one block unfolds to, or holds as they are.
class Extent {
 public:
  Extent(size_t size, bool is_plain) : bits_(static_cast<uint32_t>(size) << 1 | is_plain) {}
  uint32_t size() const { return bits_ >> 1; }
  bool is_plain() const { return bits_ & 1; }

 private:
  uint32_t bits_;  // there are millions
};

struct PackedPart {
  Bytes blocks;                 // one an extent
  std::vector<Extent> extents;  // all but the last reach into the next cluster
};

/// Packs a part of a file. A part that others follow is a multiple of kBlockSize.
PackedPart pack_part(ByteView bytes, Lz4Packer& packer);

/// What the index of a file of `size` bytes takes behind an inode whose header and xattrs take
/// `before` bytes, with its own header and what aligns it.
uint64_t index_size(uint64_t before, uint64_t size);
/// Appends it to `bytes` of an inode, of which `before` are header and xattrs. `first_block` is that of the first extent; the others' follow.
void append_index(Bytes& bytes, uint64_t before, uint64_t size, const std::vector<Extent>& extents,
                  uint32_t first_block);

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
