// SPDX-License-Identifier: Apache-2.0
//
// The index of compressed data, read from an image.
#pragma once

#include "imagefmt/erofs/extents.h"
#include "imagefmt/erofs/image.h"

namespace imagefmt::erofs {

struct PackedExtent {
  uint64_t start, size;  // in the file
  uint64_t position;     // of its blocks
  uint64_t packed_size;
  bool is_plain;
  Algorithm algorithm;  // if it is not plain
};

/// Distances to heads are for those who want to be quick: this walks from entry to entry, and
/// believes none of them.
class ClusterIndex {
 public:
  /// Throws if the index is not one that is known, or lies outside of the image.
  ClusterIndex(const Image& image, const Inode& inode);

  /// The extent that holds the byte at `offset`.
  PackedExtent find(const Image& image, uint64_t offset) const;

 private:
  struct Cluster {
    ClusterType type = kPlain;
    uint32_t value = 0;
    uint32_t block = 0;  // of a head

    bool is_head() const { return type != kInside; }
    /// Of the first inside cluster of an extent of several blocks.
    bool is_block_count() const { return type == kInside && value & kIsBlockCount; }
  };
  Cluster read(const Image& image, uint64_t cluster) const;
  Cluster read_packed(const Image& image, uint64_t cluster) const;
  uint64_t block_count(const Image& image, uint64_t head, ClusterType type) const;

  uint64_t size_, count_;
  bool is_full_, has_big_heads_ = false;
  uint8_t algorithms_ = 0;
  uint64_t start_ = 0;  // of the first entry
  IndexShape shape_;
};

}  // namespace imagefmt::erofs
