// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/slots.h"

#include "imagefmt/base/bytes.h"

namespace imagefmt::erofs {

uint64_t SlotAllocator::place(uint64_t size) {
  const uint64_t slots = align_up(size, kSlotSize) / kSlotSize;
  for (uint64_t free = slots; free < kSlots; ++free) {
    if (open_[free].empty()) continue;
    const uint64_t block = open_[free].back();
    open_[free].pop_back();
    open(block, kSlots - free + slots);
    return block * kBlockSize + (kSlots - free) * kSlotSize;
  }
  if (block_count_ - near_start_ >= kNearBlocks) {
    for (std::vector<uint64_t>& blocks : open_) blocks.clear();
    near_start_ = block_count_;
  }
  const uint64_t start = block_count_;
  block_count_ += (slots + kSlots - 1) / kSlots;
  if (slots % kSlots != 0) open(block_count_ - 1, slots % kSlots);
  return start * kBlockSize;
}

void SlotAllocator::open(uint64_t block, uint64_t used_slots) {
  if (used_slots < kSlots) open_[kSlots - used_slots].push_back(block);
}

}  // namespace imagefmt::erofs
