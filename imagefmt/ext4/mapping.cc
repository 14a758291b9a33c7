// SPDX-License-Identifier: Apache-2.0
//
// Where the blocks of a file lie: by extents, or by a block map as ext2 and ext3 make it, and as
// e2fsck still makes it for lost+found.
#include <algorithm>

#include "imagefmt/ext4/image.h"

namespace imagefmt::ext4 {

namespace {

/// The last of `count` items of a node that does not begin behind `logical`; `count` if none.
template <class Item>
size_t find_item(ByteView node, size_t count, uint32_t logical) {
  size_t low = 0, high = count;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const Item& item = struct_at<Item>(node, sizeof(ExtentHeader) + middle * sizeof(Item));
    if (item.logical <= logical) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? count : low - 1;
}

uint64_t pointer_at(ByteView list, size_t index) {
  return struct_at<le32>(list, index * sizeof(le32));
}

/// The block that item `index` of a list of pointers names, and those that follow it in the list and
/// on disk.
Mapping run_at(ByteView list, size_t index) {
  const uint64_t first = pointer_at(list, index);
  const bool hole = first == 0;
  const size_t size = list.size() / sizeof(le32);
  size_t count = 1;
  while (index + count < size && pointer_at(list, index + count) == (hole ? 0 : first + count)) {
    ++count;
  }
  return {hole, first, count};
}

}  // namespace

MapRoot::MapRoot(const Inode& inode) : has_extents(inode.flags & kInodeExtents) {
  std::copy(std::begin(inode.block), std::end(inode.block), bytes.begin());
}

Mapping Image::map(const MapRoot& root, uint32_t logical) const {
  return root.has_extents ? map_by_extents(root.bytes, logical)
                          : map_by_pointers(root.bytes, logical);
}

Mapping Image::map_by_extents(ByteView root, uint32_t logical) const {
  Bytes block;
  ByteView node = root;
  uint64_t next = uint64_t{1} << 32;  // the block at which something else begins at the latest
  for (uint32_t depth = kMaxExtentDepth + 1;;) {
    const ExtentHeader& header = struct_at<ExtentHeader>(node, 0);
    const bool is_root = depth > kMaxExtentDepth;
    const size_t count = header.count;
    if (header.magic != kExtentMagic || count > header.capacity ||
        count > node.size() / sizeof(Extent) - 1 ||
        (is_root ? header.depth > kMaxExtentDepth : header.depth != depth)) {
      throw Error(fmt::format("bad node of extents: magic {:#x}, {} of {}, depth {}",
                              uint16_t{header.magic}, count, uint16_t{header.capacity},
                              uint16_t{header.depth}));
    }
    depth = header.depth;
    auto begin_of = [&](size_t item) -> uint64_t {
      return struct_at<le32>(node, sizeof(ExtentHeader) + item * sizeof(Extent));
    };
    const size_t found = depth == 0 ? find_item<Extent>(node, count, logical)
                                    : find_item<ExtentIndex>(node, count, logical);
    if (found == count) {
      if (count != 0) next = std::min(next, begin_of(0));
      break;
    }
    if (found + 1 < count) next = std::min(next, begin_of(found + 1));
    const size_t place = sizeof(ExtentHeader) + found * sizeof(Extent);
    if (depth == 0) {
      const Extent& extent = struct_at<Extent>(node, place);
      const bool unwritten = extent.length > kMaxExtentLength;
      const uint64_t length = extent.length - (unwritten ? kMaxExtentLength : 0);
      const uint64_t skipped = logical - extent.logical;
      if (skipped >= length) break;
      return {unwritten, join32(extent.start_low, extent.start_high) + skipped, length - skipped};
    }
    const ExtentIndex& index = struct_at<ExtentIndex>(node, place);
    const uint64_t child = join32(index.leaf_low, index.leaf_high);
    Bytes child_block(block_size_);
    read(child, 0, child_block);
    block = std::move(child_block);
    node = block;
    --depth;
  }
  if (next <= logical) throw Error(fmt::format("extents are not in order at block {}", logical));
  return {true, 0, next - logical};
}

Mapping Image::map_by_pointers(ByteView root, uint32_t logical) const {
  if (logical < kDirectPointers) {
    return run_at(root.first(kDirectPointers * sizeof(le32)), logical);
  }
  const uint64_t pointers = block_size_ / sizeof(le32);
  uint64_t rest = logical - kDirectPointers;
  size_t slot = kDirectPointers;
  uint64_t covered = pointers;  // blocks of the file below the pointer in that slot
  while (rest >= covered) {
    rest -= covered;
    covered *= pointers;
    if (++slot == kPointers) {
      throw Error(fmt::format("block {} of a file is more than a block map holds", logical));
    }
  }
  uint64_t next = pointer_at(root, slot);
  Bytes list(block_size_);
  while (next != 0) {
    read(next, 0, list);
    covered /= pointers;
    const size_t index = rest / covered;
    if (covered == 1) return run_at(list, index);
    next = pointer_at(list, index);
    rest %= covered;
  }
  return {true, 0, covered - rest};
}

void Image::read_file(const MapRoot& root, uint64_t offset, std::span<uint8_t> into) const {
  while (!into.empty()) {
    const Mapping mapping = map(root, low32(offset / block_size_));
    const uint64_t skip = offset % block_size_;
    const size_t size =
        static_cast<size_t>(std::min<uint64_t>(into.size(), mapping.count * block_size_ - skip));
    if (mapping.hole) {
      std::fill_n(into.begin(), size, uint8_t{0});
    } else {
      read(mapping.physical, skip, into.first(size));
    }
    into = into.subspan(size);
    offset += size;
  }
}

}  // namespace imagefmt::ext4
