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
  Clusters(const std::vector<Extent>& extents, uint64_t size) : extents_(extents), size_(size) {}

  struct Cluster {
    ClusterType type;
    uint32_t value;         // a head's offset, or the distance to the head
    uint32_t to_next_head;  // of an inside cluster
  };
  Cluster next() {
    const uint64_t cluster = cluster_++;
    if (extent_ < extents_.size() && start_ / kBlockSize == cluster) {
      const Extent extent = extents_[extent_++];
      const uint32_t offset = static_cast<uint32_t>(start_ % kBlockSize);
      head_ = cluster;
      start_ += extent.size();
      return {extent.is_plain() ? kPlain : kHead, offset, 0};
    }
    // Where the last extent ends within a cluster, a head of nothing stands: the kernel takes what
    // has no end for a whole cluster.
    const uint64_t next_head = start_ / kBlockSize;
    if (next_head == cluster) return {kPlain, static_cast<uint32_t>(size_ % kBlockSize), 0};
    return {kInside, static_cast<uint32_t>(cluster - head_),
            static_cast<uint32_t>(next_head - cluster)};
  }
  /// Extents that begin before the next cluster.
  size_t extents_begun() const { return extent_; }

 private:
  const std::vector<Extent>& extents_;
  uint64_t size_;
  uint64_t cluster_ = 0, head_ = 0;
  size_t extent_ = 0;
  uint64_t start_ = 0;  // of the extent that begins next, or the end
};

void append_pack(Bytes& bytes, Clusters& clusters, uint64_t count, uint64_t room, size_t pack_bytes,
                 uint32_t first_block) {
  const uint32_t block = first_block + static_cast<uint32_t>(clusters.extents_begun());
  const size_t bits = (pack_bytes - sizeof(le32)) * 8 / room;
  const size_t start = bytes.size();
  bytes.resize(start + pack_bytes - sizeof(le32));
  for (uint64_t i = 0; i < count; ++i) {
    const Clusters::Cluster cluster = clusters.next();
    const bool tells_next = cluster.type == kInside && i + 1 == room;
    const uint32_t entry = static_cast<uint32_t>(cluster.type) << kEntryBits |
                           (tells_next ? cluster.to_next_head : cluster.value);
    for (size_t bit = 0; bit < kEntryBits + 2; ++bit) {
      const size_t place = i * bits + bit;
      bytes[start + place / 8] |= static_cast<uint8_t>((entry >> bit & 1) << place % 8);
    }
  }
  append(bytes, bytes_of(le32(block - 1)));
}

}  // namespace

PackedPart pack_part(ByteView bytes, Lz4Packer& packer) {
  PackedPart part;
  part.blocks.reserve(bytes.size() / 2 + kBlockSize);
  std::array<uint8_t, kBlockSize> packed;
  while (!bytes.empty()) {
    const size_t start = part.blocks.size();
    part.blocks.resize(start + kBlockSize);
    uint8_t* block = part.blocks.data() + start;
    // What one block holds as it is gains nothing.
    Lz4Packer::Packed sizes{0, 0};
    if (bytes.size() > kBlockSize) sizes = packer.pack(bytes, packed);
    const bool is_packed = sizes.from > kBlockSize;
    if (is_packed) {
      std::copy_n(packed.begin(), sizes.to, block + kBlockSize - sizes.to);
    } else {
      sizes.from = std::min<size_t>(bytes.size(), kBlockSize);
      std::copy_n(bytes.begin(), sizes.from, block);
    }
    part.extents.emplace_back(sizes.from, !is_packed);
    bytes = bytes.subspan(sizes.from);
  }
  return part;
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
                  uint32_t first_block) {
  const uint64_t count = cluster_count(size);
  const IndexShape shape = index_shape(before, count, true);
  bytes.resize(bytes.size() + shape.start - before - sizeof(IndexHeader));
  IndexHeader header{};
  header.advice = kPackedBySixteen;
  header.algorithms = kLz4 | kLz4 << 4;
  append(bytes, bytes_of(header));
  Clusters clusters(extents, size);
  for (uint64_t done = 0; done < count;) {
    const bool sixteen = done >= shape.leading_pairs && done < shape.leading_pairs + shape.sixteens;
    const uint64_t room = sixteen ? 16 : 2;
    const uint64_t part = std::min(room, count - done);
    append_pack(bytes, clusters, part, room, sixteen ? kSixteenBytes : kPairBytes, first_block);
    done += part;
  }
}

}  // namespace imagefmt::erofs
