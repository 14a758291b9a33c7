// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/cluster_index.h"

#include <algorithm>
#include <array>

namespace imagefmt::erofs {

namespace {

/// More than any writer makes of one extent.
constexpr uint64_t kMaxExtent = 16 << 20;
constexpr uint64_t kMaxBlocks = 256;

}  // namespace

ClusterIndex::ClusterIndex(const Image& image, const Inode& inode)
    : size_(inode.size),
      count_(inode.size / kBlockSize + (inode.size % kBlockSize != 0)),
      is_full_(inode.layout == kFullIndex) {
  const uint64_t header_start = align_up(inode.body, sizeof(IndexHeader));
  IndexHeader header{};
  // The first images with full indexes had no header.
  if (!is_full_ || image.has(kBigClusters)) header = image.read_struct<IndexHeader>(header_start);
  const uint16_t known = kPackedBySixteen | kBigFirstHeads | kBigSecondHeads;
  auto is_known = [](int algorithm) { return algorithm == kLz4 || algorithm == kZstd; };
  if ((header.advice & ~known) != 0 || header.cluster_bits != 0 ||
      !is_known(header.algorithms & 15) || !is_known(header.algorithms >> 4)) {
    throw Error(
        fmt::format("compressed with advice {:#x}, algorithms {:#x} and clusters {:#x}, "
                    "which are not supported",
                    uint16_t{header.advice}, header.algorithms, header.cluster_bits));
  }
  has_big_heads_ = header.advice & kBigFirstHeads;
  algorithms_ = header.algorithms;
  uint64_t index_bytes;
  if (is_full_) {
    start_ = header_start + sizeof(IndexHeader) + 8;
    index_bytes = checked_mul(count_, sizeof(FullIndexEntry), "index");
  } else {
    // All of the index is at least two bytes an entry.
    image.check_range(header_start, checked_mul(count_, 2, "index"));
    // An inode stands at a multiple of 32 bytes, and so does what its packs are aligned to.
    const uint64_t before = inode.body % kSixteenBytes;
    shape_ = index_shape(before, count_, header.advice & kPackedBySixteen);
    start_ = inode.body - before + shape_.start;
    const uint64_t pairs = align_up(count_ - shape_.sixteens, 2) / 2;
    index_bytes = shape_.sixteens / 16 * kSixteenBytes + pairs * kPairBytes;
  }
  image.check_range(start_, index_bytes);
}

PackedExtent ClusterIndex::find(const Image& image, uint64_t offset) const {
  uint64_t head = offset / kBlockSize;
  Cluster found = read(image, head);
  if (!found.is_head() || found.value > offset % kBlockSize) {
    do {
      if (head == 0 || offset - head * kBlockSize > kMaxExtent) {
        throw Error(fmt::format("no extent begins at or before byte {}", offset));
      }
      found = read(image, --head);
    } while (!found.is_head());
  }
  PackedExtent extent;
  extent.is_plain = found.type == kPlain;
  extent.algorithm =
      static_cast<Algorithm>(found.type == kSecondHead ? algorithms_ >> 4 : algorithms_ & 15);
  extent.start = head * kBlockSize + found.value;
  extent.position = uint64_t{found.block} * kBlockSize;
  extent.packed_size = block_count(image, head, found.type) * kBlockSize;
  uint64_t most = extent.is_plain ? uint64_t{kBlockSize} : kMaxExtent;
  if (extent.algorithm == kLz4) most = std::min(most, extent.packed_size * kMaxLz4Unfolding);
  uint64_t end = size_;
  for (uint64_t next = head + 1; next < count_; ++next) {
    const Cluster cluster = read(image, next);
    if (cluster.is_head()) {
      end = next * kBlockSize + cluster.value;
      break;
    }
    if (next * kBlockSize - extent.start > most) break;
  }
  if (end > size_ || extent.start >= end || end - extent.start > most) {
    throw Error(fmt::format("bad extent from byte {} to {}, expected at most {} bytes",
                            extent.start, end, most));
  }
  extent.size = end - extent.start;
  return extent;
}

uint64_t ClusterIndex::block_count(const Image& image, uint64_t head, ClusterType type) const {
  if (!has_big_heads_ || type == kPlain || head + 1 >= count_) return 1;
  const Cluster next = read(image, head + 1);
  if (next.is_head()) return 1;
  const uint64_t count = next.value & ~kIsBlockCount;
  if (!next.is_block_count() || count == 0 || count > kMaxBlocks) {
    throw Error(fmt::format("bad count {:#x} of an extent's blocks", next.value));
  }
  return count;
}

ClusterIndex::Cluster ClusterIndex::read(const Image& image, uint64_t cluster) const {
  Cluster found;
  if (is_full_) {
    const FullIndexEntry entry =
        image.read_struct<FullIndexEntry>(start_ + cluster * sizeof(FullIndexEntry));
    found.type = static_cast<ClusterType>(entry.type & 3);
    found.value = found.is_head() ? entry.offset : entry.to_head;
    found.block = uint32_t{entry.to_head} | uint32_t{entry.to_next_head} << 16;
  } else {
    found = read_packed(image, cluster);
  }
  if (found.is_head() && found.value >= kBlockSize) {
    throw Error(fmt::format("bad offset {} in a cluster", found.value));
  }
  return found;
}

ClusterIndex::Cluster ClusterIndex::read_packed(const Image& image, uint64_t cluster) const {
  uint64_t position = start_, room = 2, pack_bytes = kPairBytes;
  if (cluster >= shape_.leading_pairs) {
    cluster -= shape_.leading_pairs;
    position += shape_.leading_pairs / 2 * kPairBytes;
    if (cluster < shape_.sixteens) {
      room = 16;
      pack_bytes = kSixteenBytes;
    } else {
      cluster -= shape_.sixteens;
      position += shape_.sixteens / 16 * kSixteenBytes;
    }
  }
  std::array<uint8_t, kSixteenBytes> pack{};
  image.read(position + cluster / room * pack_bytes, std::span(pack).first(pack_bytes));
  const uint64_t bits = (pack_bytes - sizeof(le32)) * 8 / room;
  auto entry_at = [&](uint64_t i) {
    const uint64_t place = i * bits;
    uint32_t word = 0;
    for (uint64_t byte = 0; byte < 3; ++byte) word |= uint32_t{pack[place / 8 + byte]} << 8 * byte;
    word >>= place % 8;
    return Cluster{static_cast<ClusterType>(word >> kEntryBits & 3), word & kEntryMask, 0};
  };
  const uint64_t i = cluster % room;
  Cluster found = entry_at(i);
  if (!found.is_head()) return found;
  // The pack names one block, and those of its heads follow each other.
  le32 base;
  std::copy_n(pack.begin() + static_cast<ptrdiff_t>(pack_bytes - sizeof base), sizeof base,
              reinterpret_cast<uint8_t*>(&base));
  uint64_t block = base + uint64_t{!has_big_heads_};
  for (uint64_t j = 0; j < i; ++j) {
    const Cluster earlier = entry_at(j);
    if (!has_big_heads_) {
      block += earlier.is_head();
    } else if (earlier.is_block_count()) {
      block += earlier.value & ~kIsBlockCount;
    } else {
      block += earlier.is_head() && !entry_at(j + 1).is_block_count();
    }
  }
  found.block = static_cast<uint32_t>(block);
  return found;
}

}  // namespace imagefmt::erofs
