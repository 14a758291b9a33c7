// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/extents.h"

#include <algorithm>
#include <cassert>

namespace imagefmt::ext4 {

namespace {

uint64_t ceil_div(uint64_t a, uint64_t b) {
  return (a + b - 1) / b;
}

uint64_t extent_count(std::span<const Run> runs) {
  uint64_t count = 0;
  for (const Run& run : runs) count += ceil_div(run.count, kMaxExtentLength);
  return count;
}

std::vector<Extent> extents_of(std::span<const Run> runs) {
  std::vector<Extent> extents;
  extents.reserve(extent_count(runs));
  for (const Run& run : runs) {
    for (uint32_t done = 0; done < run.count;) {
      const uint32_t length = std::min(run.count - done, kMaxExtentLength);
      const uint64_t start = run.physical + done;
      extents.push_back({run.logical + done, low16(length), low16(high32(start)), low32(start)});
      done += length;
    }
  }
  return extents;
}

/// One node: a header and `items`, which are Extents at depth 0 and ExtentIndexes above.
template <class Item>
void serialize_node(std::span<const Item> items, size_t capacity, size_t depth,
                    std::span<uint8_t> into) {
  ExtentHeader header{};
  header.magic = kExtentMagic;
  header.count = low16(items.size());
  header.capacity = low16(capacity);
  header.depth = low16(depth);
  struct_at<ExtentHeader>(into, 0) = header;
  for (size_t i = 0; i < items.size(); ++i) {
    struct_at<Item>(into, sizeof header + i * sizeof(Item)) = items[i];
  }
}

/// Writes a level of full nodes from `blocks[used]` on. What the level above holds.
template <class Item>
std::vector<ExtentIndex> serialize_level(const std::vector<Item>& items, size_t depth,
                                         uint64_t position, uint32_t seed, size_t& used,
                                         std::span<uint8_t> blocks) {
  std::vector<ExtentIndex> above;
  for (size_t first = 0; first < items.size(); first += kBlockExtents) {
    std::span<uint8_t> block = blocks.subspan(used * kBlockSize, kBlockSize);
    serialize_node(std::span(items).subspan(first, std::min(kBlockExtents, items.size() - first)),
                   kBlockExtents, depth, block);
    constexpr size_t kTail = kBlockSize - sizeof(le32);
    struct_at<le32>(block, kTail) = crc32c(seed, block.first(kTail));
    const uint64_t place = position + used++;
    above.push_back({items[first].logical, low32(place), low16(high32(place)), 0});
  }
  return above;
}

}  // namespace

uint64_t extent_block_count(std::span<const Run> runs) {
  uint64_t blocks = 0;
  for (uint64_t items = extent_count(runs); items > kRootExtents;) {
    items = ceil_div(items, kBlockExtents);
    blocks += items;
  }
  return blocks;
}

void serialize_extents(std::span<const Run> runs, uint64_t position, uint32_t seed,
                       std::span<uint8_t> root, std::span<uint8_t> blocks) {
  const std::vector<Extent> extents = extents_of(runs);
  if (extents.size() <= kRootExtents) {
    serialize_node(std::span(extents), kRootExtents, 0, root);
    return;
  }
  size_t used = 0, depth = 0;
  std::vector<ExtentIndex> level = serialize_level(extents, depth++, position, seed, used, blocks);
  while (level.size() > kRootExtents) {
    level = serialize_level(level, depth++, position, seed, used, blocks);
  }
  assert(used * kBlockSize == blocks.size());
  serialize_node(std::span<const ExtentIndex>(level), kRootExtents, depth, root);
}

}  // namespace imagefmt::ext4
