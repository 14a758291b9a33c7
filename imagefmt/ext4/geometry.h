// SPDX-License-Identifier: Apache-2.0
//
// Where what describes the file system itself lies: all of it in front, so that nothing stands
// between the blocks of files.
//
//   superblock | group descriptors | block bitmaps | inode bitmaps | inode tables | content | free
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "imagefmt/ext4/checksum.h"

namespace imagefmt::ext4 {

struct Geometry {
  uint32_t inode_size = 0;  // bytes
  uint32_t blocks_per_group = 0;
  uint32_t inodes_per_group = 0;  // a multiple of what a block holds
  uint32_t group_count = 0;
  uint32_t used_inodes = 0;  // the first ones
  uint64_t descriptors = 1;  // blocks, here and below
  uint64_t block_bitmaps = 0;
  uint64_t inode_bitmaps = 0;
  uint64_t inode_tables = 0;  // without a gap, so that an inode's place follows from its number
  uint64_t content = 0;
  uint64_t first_free = 0;
  uint64_t block_count = 0;

  uint32_t inode_count() const { return inodes_per_group * group_count; }
  uint64_t size_bytes() const { return block_count * kBlockSize; }
  uint64_t blocks_in_group(uint32_t group) const {
    return std::min<uint64_t>(blocks_per_group, block_count - uint64_t{group} * blocks_per_group);
  }
};

/// The smallest file system with at least `inodes` inodes, of which the first `used_inodes` are
/// used, that holds `content_blocks` and has `free_blocks` besides. Throws if there is none.
Geometry plan_geometry(uint32_t inode_size, uint64_t inodes, uint64_t used_inodes,
                       uint64_t content_blocks, uint64_t free_blocks);

/// The bitmaps of one group, kBlockSize each.
void serialize_block_bitmap(const Geometry& geometry, uint32_t group, std::span<uint8_t> into);
void serialize_inode_bitmap(const Geometry& geometry, uint32_t group, std::span<uint8_t> into);

/// All group descriptors. `folder_counts` has an item a group.
Bytes serialize_descriptors(const Geometry& geometry, const std::vector<uint32_t>& folder_counts,
                            const Seeds& seeds);

struct Identity {
  std::array<uint8_t, 16> uuid;
  std::string volume_name;  // up to 16 bytes
  uint32_t time = 0;        // seconds
  bool shared_blocks = false;
};
Superblock make_superblock(const Geometry& geometry, const Identity& identity, const Seeds& seeds);

}  // namespace imagefmt::ext4
