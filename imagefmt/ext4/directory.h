// SPDX-License-Identifier: Apache-2.0
//
// Directories. One that takes more than a block is indexed by the hashes of its names, as the
// kernel makes it when it grows.
#pragma once

#include "imagefmt/ext4/checksum.h"
#include "imagefmt/tree.h"

namespace imagefmt::ext4 {

/// How the entries of a directory are put into blocks.
struct DirectoryLayout {
  struct Leaf {
    uint32_t hash;  // the least in it; the lowest bit is set if the leaf before it has the same
    uint32_t first, count;  // in `order`
  };
  std::vector<uint32_t> order;  // of the entries
  std::vector<Leaf> leaves;
  bool indexed = false;     // else the only leaf has `.` and `..`, too
  uint32_t node_count = 0;  // of the index, between its root and the leaves

  uint32_t block_count() const {
    return static_cast<uint32_t>(indexed + node_count + leaves.size());
  }
};

/// Throws `a folder of N entries does not fit` beyond what an index holds, which is about 10 million.
DirectoryLayout plan_directory(const Directory& directory, const Seeds& seeds);

/// Writes the blocks of the directory `number`, whose parent is `parent`. Entry i has the inode
/// `first_child + i`. `into` is zeroed, and block_count() blocks large.
void serialize_directory(const Directory& directory, const DirectoryLayout& layout, uint32_t number,
                         uint32_t parent, uint32_t first_child, const Seeds& seeds,
                         std::span<uint8_t> into);

}  // namespace imagefmt::ext4
