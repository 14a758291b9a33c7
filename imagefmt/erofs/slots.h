// SPDX-License-Identifier: Apache-2.0
//
// Where inodes stand: in blocks, at multiples of kSlotSize.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "imagefmt/erofs/format.h"

namespace imagefmt::erofs {

/// Places inodes one by one, each into the block that it fills best. Blocks that are far behind
/// the newest one are left as they are, so that inodes placed together stay near each other.
class SlotAllocator {
 public:
  /// The place of an inode of `size` bytes, in bytes from the start of the first block. Up to
  /// kBlockSize bytes do not cross the end of a block; more begin a block.
  uint64_t place(uint64_t size);
  uint64_t block_count() const { return block_count_; }

 private:
  static constexpr uint32_t kSlots = kBlockSize / kSlotSize;
  static constexpr uint64_t kNearBlocks = 256;

  void open(uint64_t block, uint64_t used_slots);

  uint64_t block_count_ = 0, near_start_ = 0;
  /// By the number of free slots, the blocks that have so many.
  std::array<std::vector<uint64_t>, kSlots> open_;
};

}  // namespace imagefmt::erofs
