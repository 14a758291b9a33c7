// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/extents.h"

#include <algorithm>

namespace imagefmt::erofs {

namespace {

uint64_t cluster_count(uint64_t size) {
  return (size + kBlockSize - 1) / kBlockSize;
}

/// The entries of an index, one after the other.
class Clusters {
 public:
  /// With `big`, extents may have several blocks.
  Clusters(const std::vector<Extent>& extents, uint64_t size, uint32_t first_block, bool big)
      : extents_(extents), size_(size), next_block_(first_block), is_big_(big) {}

  struct Cluster {
    ClusterType type;
    uint32_t value;         // a head's offset, or the distance to the head, or a count of blocks
    uint32_t to_next_head;  // of an inside cluster that has a distance; else 0
  };
  Cluster next() {
    const uint64_t cluster = cluster_++;
    if (extent_ < extents_.size() && start_ / kBlockSize == cluster) {
      const Extent extent = extents_[extent_++];
      const uint32_t offset = static_cast<uint32_t>(start_ % kBlockSize);
      head_ = cluster;
      start_ += extent.size();
      block_count_ = extent.block_count();
      next_block_ += block_count_;
      return {extent.is_plain() ? kPlain : kHead, offset, 0};
    }
    // Where the last extent ends within a cluster, a head of nothing stands: the kernel takes what
    // has no end for a whole cluster.
    const uint64_t next_head = start_ / kBlockSize;
    if (next_head == cluster) return {kPlain, static_cast<uint32_t>(size_ % kBlockSize), 0};
    if (follows_head(cluster)) return {kInside, block_count_ | kIsBlockCount, 0};
    return {kInside, static_cast<uint32_t>(cluster - head_),
            static_cast<uint32_t>(next_head - cluster)};
  }
  /// The block of the first extent that counts from the next cluster on: of the one that begins
  /// there or behind it, or of the one whose blocks are counted there.
  uint32_t block() const {
    const bool is_counted = start_ / kBlockSize != cluster_ && follows_head(cluster_);
    return next_block_ - (is_counted ? block_count_ : 0);
  }

 private:
  bool follows_head(uint64_t cluster) const { return is_big_ && cluster == head_ + 1; }

  const std::vector<Extent>& extents_;
  uint64_t size_;
  uint64_t cluster_ = 0, head_ = 0;
  size_t extent_ = 0;
  uint64_t start_ = 0;        // of the extent that begins next, or the end
  uint32_t block_count_ = 0;  // of the extent before
  uint32_t next_block_;       // of the extent that begins next
  bool is_big_;
};

/// In an index of big clusters a pack names the block of its first head itself.
void append_pack(Bytes& bytes, Clusters& clusters, uint64_t count, uint64_t room, size_t pack_bytes,
                 bool big) {
  const uint32_t block = clusters.block() - !big;
  const size_t bits = (pack_bytes - sizeof(le32)) * 8 / room;
  const size_t start = bytes.size();
  bytes.resize(start + pack_bytes - sizeof(le32));
  for (uint64_t i = 0; i < count; ++i) {
    const Clusters::Cluster cluster = clusters.next();
    const bool tells_next = cluster.to_next_head != 0 && i + 1 == room;
    const uint32_t entry = static_cast<uint32_t>(cluster.type) << kEntryBits |
                           (tells_next ? cluster.to_next_head : cluster.value);
    for (size_t bit = 0; bit < kEntryBits + 2; ++bit) {
      const size_t place = i * bits + bit;
      bytes[start + place / 8] |= static_cast<uint8_t>((entry >> bit & 1) << place % 8);
    }
  }
  append(bytes, bytes_of(le32(block)));
}

}  // namespace

uint32_t block_count(const std::vector<Extent>& extents) {
  uint32_t count = 0;
  for (const Extent& extent : extents) count += extent.block_count();
  return count;
}

IndexShape index_shape(uint64_t before, uint64_t clusters, bool by_sixteen) {
  IndexShape shape;
  shape.start = align_up(before, sizeof(IndexHeader)) + sizeof(IndexHeader);
  if (!by_sixteen) return shape;
  // Inodes stand at multiples of 32 bytes.
  const uint64_t leading =
      (kSixteenBytes - shape.start % kSixteenBytes) % kSixteenBytes / (kPairBytes / 2);
  shape.leading_pairs = std::min(leading, clusters);
  shape.sixteens = (clusters - shape.leading_pairs) / 16 * 16;
  return shape;
}

uint64_t index_size(uint64_t before, uint64_t size) {
  const uint64_t clusters = cluster_count(size);
  const IndexShape shape = index_shape(before, clusters, true);
  const uint64_t pairs = align_up(clusters - shape.sixteens, 2) / 2;
  return shape.start - before + shape.sixteens / 16 * kSixteenBytes + pairs * kPairBytes;
}

void append_index(Bytes& bytes, uint64_t before, uint64_t size, const std::vector<Extent>& extents,
                  uint32_t first_block, Algorithm algorithm) {
  const bool big = algorithm == kZstd;
  const uint64_t count = cluster_count(size);
  const IndexShape shape = index_shape(before, count, true);
  bytes.resize(bytes.size() + shape.start - before - sizeof(IndexHeader));
  IndexHeader header{};
  header.advice = kPackedBySixteen;
  if (big) header.advice = header.advice | kBigFirstHeads | kBigSecondHeads;  // both or none
  header.algorithms = static_cast<uint8_t>(algorithm | algorithm << 4);
  append(bytes, bytes_of(header));
  Clusters clusters(extents, size, first_block, big);
  for (uint64_t done = 0; done < count;) {
    const bool sixteen = done >= shape.leading_pairs && done < shape.leading_pairs + shape.sixteens;
    const uint64_t room = sixteen ? 16 : 2;
    const uint64_t part = std::min(room, count - done);
    append_pack(bytes, clusters, part, room, sixteen ? kSixteenBytes : kPairBytes, big);
    done += part;
  }
}

}  // namespace imagefmt::erofs
