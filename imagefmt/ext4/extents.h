// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "imagefmt/ext4/checksum.h"

namespace imagefmt::ext4 {

/// Blocks of a file that lie behind each other.
struct Run {
  uint32_t logical;   // the first of them in the file
  uint32_t count;     // blocks
  uint64_t physical;  // the first of them in the file system
};

/// How many blocks the extent tree of a file with these runs takes besides its root in the inode.
uint64_t extent_block_count(std::span<const Run> runs);

/// Writes the tree's root into the inode's `root` and the rest into `blocks`, which lie at
/// `position` of the file system and are zeroed. `seed` is Seeds::of_inode().
void serialize_extents(std::span<const Run> runs, uint64_t position, uint32_t seed,
                       std::span<uint8_t> root, std::span<uint8_t> blocks);

}  // namespace imagefmt::ext4
