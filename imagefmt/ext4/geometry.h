// SPDX-License-Identifier: Apache-2.0
//
// Where what describes the file system itself lies: all of it in front, so that nothing stands
// between the blocks of files.
//
//   superblock | group descriptors | block bitmaps | inode bitmaps | inode tables | content | free
//
// A file system that can grow while it is mounted has copies of the first two besides: the kernel
// writes them where it expects them, so that files must keep clear of them.
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
  bool can_grow = false;                // while it is mounted
  std::vector<uint32_t> backup_groups;  // which begin with copies

  uint32_t inode_count() const { return inodes_per_group * group_count; }
  uint64_t size_bytes() const { return block_count * kBlockSize; }
  uint64_t blocks_in_group(uint32_t group) const {
    return std::min<uint64_t>(blocks_per_group, block_count - uint64_t{group} * blocks_per_group);
  }
  /// Of a copy.
  uint64_t backup_blocks() const { return block_bitmaps; }
  /// Where a block lies that is number `block` when copies are not counted.
  uint64_t place_of(uint64_t block) const;
  /// How many blocks from `place` on no copy interrupts.
  uint64_t uninterrupted(uint64_t place) const;
};

/// Whether a group but the first begins with a copy of the superblock where sparse_super is set: 1 and
/// the powers of 3, 5 and 7.
bool has_sparse_copy(uint64_t group);

/// What a file system must have room for.
struct Demand {
  uint64_t inodes = 0;
  uint64_t used_inodes = 0;   // the first ones of them
  uint64_t whole_blocks = 0;  // of the content: its first part, which nothing may interrupt
  uint64_t file_blocks = 0;   // the rest of it
  uint64_t free_blocks = 0;
};

/// The smallest file system for that. It can grow if that is asked for and if everything but files
/// lies before the first copy, 128 MiB from the start. Throws if there is none.
Geometry plan_geometry(uint32_t inode_size, const Demand& demand, bool can_grow);

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
/// As it lies in `group`. `journal` is the journal's inode, or null.
Superblock make_superblock(const Geometry& geometry, const Identity& identity, const Seeds& seeds,
                           const Inode* journal, uint32_t group);

}  // namespace imagefmt::ext4
