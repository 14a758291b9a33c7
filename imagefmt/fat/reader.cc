// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <ctime>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/fat/names.h"
#include "imagefmt/fat/plan.h"

namespace imagefmt {

using namespace fat;

namespace {

constexpr uint64_t kMaxTableBytes = uint64_t{64}
                                    << 20;  // 16 million clusters: an ESP has thousands
constexpr uint32_t kMaxFolderBytes = 65536 * kEntryBytes;

/// An image whose headers and table have been checked, and where its clusters are.
class Image {
 public:
  explicit Image(std::shared_ptr<const File> file) : file_(std::move(file)) {
    const BootSector boot = file_->read_struct<BootSector>(0);
    read_geometry(boot);
    root_cluster_ = boot.root_cluster;
    read_table(boot.tables);
  }

  uint32_t root_cluster() const { return root_cluster_; }
  uint64_t cluster_bytes() const { return cluster_bytes_; }

  /// The clusters of a chain, of which none was given before: no two chains meet.
  std::vector<uint32_t> take_chain(uint32_t first) {
    std::vector<uint32_t> chain;
    for (uint32_t cluster = first; cluster < kLeastEndOfChain;) {
      if (cluster < kFirstCluster || cluster - kFirstCluster >= clusters_) {
        throw Error(fmt::format("a chain names cluster {}, the image has {} to {}", cluster,
                                kFirstCluster, clusters_ + kFirstCluster - 1));
      }
      if (taken_[cluster]) throw Error(fmt::format("cluster {} is in use twice", cluster));
      taken_[cluster] = true;
      chain.push_back(cluster);
      cluster = table_[cluster] & kClusterMask;
    }
    return chain;
  }

  void read_cluster(uint32_t cluster, uint64_t offset, std::span<uint8_t> into) const {
    file_->read_exactly(data_ + (cluster - kFirstCluster) * cluster_bytes_ + offset, into);
  }

 private:
  void read_geometry(const BootSector& boot) {
    const uint32_t sector = boot.sector_bytes;
    if (boot.signature != kBootSignature) throw Error("it has no boot sector");
    if (sector < 512 || sector > 4096 || !std::has_single_bit(sector) ||
        !std::has_single_bit(boot.cluster_sectors)) {
      throw Error(fmt::format("sectors of {} bytes, {} to a cluster", sector,
                              unsigned{boot.cluster_sectors}));
    }
    if (boot.root_entries != 0 || boot.table_sectors_16 != 0 || boot.table_sectors == 0) {
      throw Error("it is FAT12 or FAT16, expected FAT32");
    }
    if (boot.tables == 0 || boot.tables > kTables) {
      throw Error(fmt::format("it has {} tables, expected 1 or 2", unsigned{boot.tables}));
    }
    table_bytes_ = uint64_t{boot.table_sectors} * sector;
    tables_ = uint64_t{boot.reserved_sectors} * sector;
    data_ = tables_ + boot.tables * table_bytes_;
    cluster_bytes_ = uint64_t{sector} * boot.cluster_sectors;
    const uint64_t size = uint64_t{boot.sectors} * sector;
    if (data_ > size || size > file_->size_bytes()) {
      throw Error(fmt::format("its {} bytes do not lie in the file's {}", std::max(data_, size),
                              file_->size_bytes()));
    }
    clusters_ =
        static_cast<uint32_t>(std::min<uint64_t>((size - data_) / cluster_bytes_, kMostClusters));
    if (table_bytes_ / sizeof(le32) < uint64_t{clusters_} + kFirstCluster ||
        table_bytes_ > kMaxTableBytes) {
      throw Error(fmt::format("a table of {} bytes for {} clusters", table_bytes_, clusters_));
    }
  }

  void read_table(uint32_t count) {
    const size_t used = (size_t{clusters_} + kFirstCluster) * sizeof(le32);
    Bytes first(used), other(used);
    file_->read_exactly(tables_, first);
    for (uint32_t i = 1; i < count; ++i) {
      file_->read_exactly(tables_ + i * table_bytes_, other);
      if (first != other) throw Error("its two tables differ");
    }
    table_.resize(used / sizeof(le32));
    std::memcpy(table_.data(), first.data(), used);
    taken_.resize(table_.size());
  }

  std::shared_ptr<const File> file_;
  uint64_t tables_ = 0, table_bytes_ = 0, data_ = 0, cluster_bytes_ = 0;
  uint32_t clusters_ = 0, root_cluster_ = 0;
  std::vector<le32> table_;
  std::vector<bool> taken_;
};

class ChainSource : public ContentSource {
 public:
  ChainSource(std::shared_ptr<const Image> image, std::vector<uint32_t> chain)
      : image_(std::move(image)), chain_(std::move(chain)) {}

  void read(uint64_t offset, std::span<uint8_t> into) const override {
    const uint64_t cluster_bytes = image_->cluster_bytes();
    while (!into.empty()) {
      const uint64_t inside = offset % cluster_bytes;
      const size_t step =
          static_cast<size_t>(std::min<uint64_t>(into.size(), cluster_bytes - inside));
      image_->read_cluster(chain_[static_cast<size_t>(offset / cluster_bytes)], inside,
                           into.first(step));
      offset += step;
      into = into.subspan(step);
    }
  }

 private:
  std::shared_ptr<const Image> image_;
  std::vector<uint32_t> chain_;
};

int64_t time_of(const FolderSlot& slot) {
  const uint16_t date = slot.written_date, time = slot.written_time;
  struct tm parts {};
  parts.tm_year = (date >> 9) + 80;
  parts.tm_mon = (date >> 5 & 15) - 1;
  parts.tm_mday = date & 31;
  parts.tm_hour = time >> 11;
  parts.tm_min = time >> 5 & 63;
  parts.tm_sec = (time & 31) * 2;
  return timegm(&parts);
}

/// Collects the parts of a long name, which come before the slot that they name.
class LongName {
 public:
  void add(const LongNameSlot& slot) {
    const unsigned part = slot.ordinal & ~kLastPart;
    if (slot.ordinal & kLastPart) {
      units_.assign(part * kUnitsPerSlot, 0xffff);
      expected_ = part;
      checksum_ = slot.checksum;
    }
    if (part == 0 || part != expected_ || slot.checksum != checksum_) {
      throw Error("the parts of a long name do not follow each other");
    }
    --expected_;
    uint16_t* unit = &units_[(part - 1) * kUnitsPerSlot];
    for (const le16& place : slot.units_1) *unit++ = place;
    for (const le16& place : slot.units_2) *unit++ = place;
    for (const le16& place : slot.units_3) *unit++ = place;
  }
  /// The name of `slot`, and nothing is left.
  std::string take(const FolderSlot& slot) {
    if (units_.empty()) return text_of(slot.name, slot.lower_case);
    if (expected_ != 0 || checksum_ != checksum_of(slot.name)) {
      throw Error("a long name belongs to no file");
    }
    units_.resize(static_cast<size_t>(std::ranges::find(units_, 0) - units_.begin()));
    std::string text = to_utf8(units_);
    units_.clear();
    return text;
  }
  bool is_open() const { return !units_.empty(); }

 private:
  Utf16 units_;
  unsigned expected_ = 0;
  uint8_t checksum_ = 0;
};

class TreeReader {
 public:
  explicit TreeReader(std::shared_ptr<Image> image) : image_(std::move(image)) {}

  Directory read_folder(uint32_t first_cluster, size_t depth) {
    if (depth > kMaxDepth) throw Error(fmt::format("folders {} deep", depth));
    std::vector<Entry> entries;
    LongName long_name;
    for (const FolderSlot& slot : slots_of(first_cluster)) {
      if (slot.name[0] == '\0') break;
      if (slot.name[0] == kDeleted) continue;
      if ((slot.attributes & kLongName) == kLongName) {
        long_name.add(Cursor(bytes_of(slot), "a slot").take_struct<LongNameSlot>());
        continue;
      }
      if (slot.attributes & kVolumeName) continue;
      const std::string name = long_name.take(slot);
      if (name == "." || name == "..") continue;
      check_entry_name(name);
      entries.push_back({name, with_context('/' + name, [&] { return read_node(slot, depth); })});
    }
    if (long_name.is_open()) throw Error("a long name belongs to no file");
    std::ranges::sort(entries, {}, &Entry::name);
    const auto twice = std::ranges::adjacent_find(entries, {}, &Entry::name);
    if (twice != entries.end()) throw Error(fmt::format("the name '{}' twice", twice->name));
    return Directory(std::move(entries));
  }

 private:
  std::vector<FolderSlot> slots_of(uint32_t first_cluster) {
    const std::vector<uint32_t> chain = image_->take_chain(first_cluster);
    const size_t step = static_cast<size_t>(image_->cluster_bytes());
    if (chain.size() > kMaxFolderBytes / step + 1) {
      throw Error(fmt::format("a folder of {} clusters", chain.size()));
    }
    std::vector<FolderSlot> slots(chain.size() * step / kEntryBytes);
    for (size_t i = 0; i < chain.size(); ++i) {
      image_->read_cluster(chain[i], 0,
                           {reinterpret_cast<uint8_t*>(slots.data()) + i * step, step});
    }
    return slots;
  }

  Node read_node(const FolderSlot& slot, size_t depth) {
    const uint32_t cluster = uint32_t{slot.cluster_high} << 16 | uint32_t{slot.cluster_low};
    Node node = make_directory();
    if (slot.attributes & kFolder) {
      *node.directory() = read_folder(cluster, depth + 1);
    } else {
      node = make_regular(read_content(cluster, slot.size_bytes));
    }
    node.mtime = time_of(slot);
    return node;
  }

  Content read_content(uint32_t cluster, uint32_t size_bytes) {
    if (size_bytes == 0) return Content::from_bytes({});
    std::vector<uint32_t> chain = image_->take_chain(cluster);
    const uint64_t held = chain.size() * image_->cluster_bytes();
    if (held < size_bytes || held - size_bytes >= image_->cluster_bytes()) {
      throw Error(fmt::format("{} bytes in {} clusters", size_bytes, chain.size()));
    }
    return Content::from_source(std::make_shared<ChainSource>(image_, std::move(chain)),
                                size_bytes);
  }

  std::shared_ptr<Image> image_;
};

}  // namespace

FileTree read_fat(std::shared_ptr<const File> image) {
  return with_context(fmt::format("cannot read FAT image '{}'", image->name()), [&] {
    auto opened = std::make_shared<Image>(image);
    Node root = make_directory();
    *root.directory() = TreeReader(opened).read_folder(opened->root_cluster(), 1);
    return FileTree(std::move(root));
  });
}

}  // namespace imagefmt
