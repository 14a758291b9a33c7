// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/directory.h"

#include <algorithm>
#include <numeric>

namespace imagefmt::ext4 {

namespace {

constexpr size_t kLeafSpace = kBlockSize - sizeof(DirectoryTail);
constexpr size_t kDotSize = 12;  // of the records of `.` and `..`
constexpr size_t kRootCounts = 2 * kDotSize + sizeof(IndexRoot);
constexpr size_t kNodeCounts = sizeof(DirectoryEntry);
constexpr size_t kRootLimit = (kBlockSize - kRootCounts - sizeof(IndexTail)) / sizeof(IndexEntry);
constexpr size_t kNodeLimit = (kBlockSize - kNodeCounts - sizeof(IndexTail)) / sizeof(IndexEntry);

size_t record_size(size_t name_size) {
  return (sizeof(DirectoryEntry) + name_size + 3) & ~size_t{3};
}

/// Fills a block from its start; the last record reaches to the tail.
class LeafWriter {
 public:
  LeafWriter(std::span<uint8_t> block, size_t end) : block_(block), end_(end) {}
  void add(std::string_view name, uint32_t inode, NodeType type) {
    add(name, inode, type, record_size(name.size()));
  }
  void add(std::string_view name, uint32_t inode, NodeType type, size_t size) {
    last_ = at_;
    DirectoryEntry& entry = struct_at<DirectoryEntry>(block_, at_);
    entry.inode = inode;
    entry.record_size = low16(size);
    entry.name_size = static_cast<uint8_t>(name.size());
    entry.type = type;
    std::copy(name.begin(), name.end(),
              block_.begin() + static_cast<ptrdiff_t>(at_ + sizeof entry));
    at_ += size;
  }
  void finish() { struct_at<DirectoryEntry>(block_, last_).record_size = low16(end_ - last_); }

 private:
  std::span<uint8_t> block_;
  size_t end_, at_ = 0, last_ = 0;
};

void add_leaf_tail(std::span<uint8_t> block, uint32_t seed) {
  DirectoryTail& tail = struct_at<DirectoryTail>(block, kLeafSpace);
  tail.record_size = sizeof tail;
  tail.type = kChecksumType;
  tail.checksum = crc32c(seed, block.first(kLeafSpace));
}

/// Writes entries of an index that point to the blocks `first_block`, `first_block + 1`, ….
void add_index(std::span<uint8_t> block, size_t counts_at, size_t limit,
               std::span<const uint32_t> hashes, uint32_t first_block, uint32_t seed) {
  for (size_t i = 0; i < hashes.size(); ++i) {
    IndexEntry& entry = struct_at<IndexEntry>(block, counts_at + i * sizeof(IndexEntry));
    entry.hash = hashes[i];
    entry.block = low32(first_block + i);
  }
  IndexCounts& counts = struct_at<IndexCounts>(block, counts_at);
  counts.limit = low16(limit);
  counts.count = low16(hashes.size());
  IndexTail& tail = struct_at<IndexTail>(block, counts_at + limit * sizeof(IndexEntry));
  // What is behind the last entry counts for nothing; the tail counts with a checksum of 0.
  tail.checksum = crc32c(crc32c(seed, block.first(counts_at + hashes.size() * sizeof(IndexEntry))),
                         bytes_of(IndexTail{}));
}

}  // namespace

DirectoryLayout plan_directory(const Directory& directory, const Seeds& seeds) {
  const std::vector<Entry>& entries = directory.entries;
  DirectoryLayout layout;
  layout.order.resize(entries.size());
  std::iota(layout.order.begin(), layout.order.end(), 0u);
  size_t used = 2 * kDotSize;
  for (const Entry& entry : entries) used += record_size(entry.name.size());
  if (used <= kLeafSpace) {
    layout.leaves.push_back({0, 0, low32(entries.size())});
    return layout;
  }

  layout.indexed = true;
  std::vector<NameHash> hashes(entries.size());
  for (size_t i = 0; i < entries.size(); ++i) hashes[i] = hash_name(seeds, entries[i].name);
  std::sort(layout.order.begin(), layout.order.end(), [&](uint32_t a, uint32_t b) {
    return std::tie(hashes[a].major, hashes[a].minor, a) <
           std::tie(hashes[b].major, hashes[b].minor, b);
  });
  used = kLeafSpace;
  for (uint32_t i = 0; i < layout.order.size(); ++i) {
    const uint32_t hash = hashes[layout.order[i]].major;
    const size_t size = record_size(entries[layout.order[i]].name.size());
    if (used + size > kLeafSpace) {
      const bool continues = i != 0 && hashes[layout.order[i - 1]].major == hash;
      layout.leaves.push_back({hash | continues, i, 0});
      used = 0;
    }
    used += size;
    ++layout.leaves.back().count;
  }
  // What lies before the first hash is looked for in the first leaf, too.
  layout.leaves.front().hash = 0;
  if (layout.leaves.size() > kRootLimit) {
    layout.node_count = low32((layout.leaves.size() + kNodeLimit - 1) / kNodeLimit);
  }
  if (layout.node_count > kRootLimit) {
    throw Error(fmt::format("a folder of {} entries does not fit", entries.size()));
  }
  return layout;
}

void serialize_directory(const Directory& directory, const DirectoryLayout& layout, uint32_t number,
                         uint32_t parent, uint32_t first_child, const Seeds& seeds,
                         std::span<uint8_t> into) {
  const uint32_t seed = seeds.of_inode(number);
  auto block = [&](size_t index) { return into.subspan(index * kBlockSize, kBlockSize); };
  auto add_entries = [&](const DirectoryLayout::Leaf& leaf, LeafWriter& writer) {
    for (uint32_t i = 0; i < leaf.count; ++i) {
      const uint32_t child = layout.order[leaf.first + i];
      const Entry& entry = directory.entries[child];
      writer.add(entry.name, first_child + child, node_type(entry.node));
    }
    writer.finish();
  };

  if (!layout.indexed) {
    LeafWriter writer(block(0), kLeafSpace);
    writer.add(".", number, kDirectoryType);
    writer.add("..", parent, kDirectoryType);
    add_entries(layout.leaves.front(), writer);
    add_leaf_tail(block(0), seed);
    return;
  }

  // The root looks like a block with `.` and `..` to those who know no index.
  LeafWriter root(block(0), kBlockSize);
  root.add(".", number, kDirectoryType);
  root.add("..", parent, kDirectoryType);
  root.finish();
  IndexRoot& info = struct_at<IndexRoot>(block(0), 2 * kDotSize);
  info.hash_version = kHalfMd4;
  info.size = sizeof info;
  info.levels = layout.node_count != 0;

  const uint32_t first_leaf = 1 + layout.node_count;
  std::vector<uint32_t> hashes;
  for (const DirectoryLayout::Leaf& leaf : layout.leaves) hashes.push_back(leaf.hash);
  if (layout.node_count == 0) {
    add_index(block(0), kRootCounts, kRootLimit, hashes, first_leaf, seed);
  } else {
    std::vector<uint32_t> node_hashes;
    for (uint32_t node = 0; node < layout.node_count; ++node) {
      const size_t first = node * kNodeLimit;
      node_hashes.push_back(hashes[first]);
      struct_at<DirectoryEntry>(block(1 + node), 0).record_size = low16(kBlockSize);
      add_index(block(1 + node), kNodeCounts, kNodeLimit,
                std::span(hashes).subspan(first, std::min(kNodeLimit, hashes.size() - first)),
                first_leaf + low32(first), seed);
    }
    add_index(block(0), kRootCounts, kRootLimit, node_hashes, 1, seed);
  }
  for (size_t i = 0; i < layout.leaves.size(); ++i) {
    LeafWriter writer(block(first_leaf + i), kLeafSpace);
    add_entries(layout.leaves[i], writer);
    add_leaf_tail(block(first_leaf + i), seed);
  }
}

}  // namespace imagefmt::ext4
