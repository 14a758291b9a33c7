// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "imagefmt/base/crc32.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/base/utf16.h"
#include "imagefmt/gpt/format.h"

namespace imagefmt {

using namespace gpt;

namespace {

class PartitionSource : public ContentSource {
 public:
  PartitionSource(std::shared_ptr<const File> image, uint64_t start)
      : image_(std::move(image)), start_(start) {}
  void read(uint64_t offset, std::span<uint8_t> into) const override {
    image_->read_exactly(start_ + offset, into);
  }

 private:
  std::shared_ptr<const File> image_;
  uint64_t start_;
};

bool has_signature(const File& image, uint64_t offset) {
  std::string found(kSignature.size(), '\0');
  const size_t size =
      image.read_some(offset, {reinterpret_cast<uint8_t*>(found.data()), found.size()});
  return size == found.size() && found == kSignature;
}

uint32_t find_sector_bytes(const File& image) {
  for (const uint32_t sector_bytes : {512u, 4096u}) {
    if (has_signature(image, sector_bytes)) return sector_bytes;
  }
  throw Error("it has no GUID partition table behind a first sector of 512 or 4096 bytes");
}

/// The header at a sector, checked against itself.
Header read_header(const File& image, uint32_t sector_bytes, uint64_t sector) {
  Header header = image.read_struct<Header>(sector * sector_bytes);
  const uint32_t crc = header.header_crc;
  header.header_crc = 0;
  if (header.header_bytes != sizeof(Header) || crc32(0, bytes_of(header)) != crc) {
    throw Error(fmt::format("the header at sector {} does not have its checksum", sector));
  }
  header.header_crc = crc;
  if (header.own_sector != sector) {
    throw Error(fmt::format("the header at sector {} says it is at {}", sector,
                            uint64_t{header.own_sector}));
  }
  if (header.entry_count > kEntries || header.entry_bytes != kEntryBytes) {
    throw Error(fmt::format("{} entries of {} bytes, expected up to {} of {}",
                            uint32_t{header.entry_count}, uint32_t{header.entry_bytes}, kEntries,
                            kEntryBytes));
  }
  return header;
}

Bytes read_entries(const File& image, uint32_t sector_bytes, const Header& header) {
  Bytes entries(header.entry_count * size_t{kEntryBytes});
  image.read_exactly(
      checked_mul(header.entries_sector, sector_bytes, "the place of the partition entries"),
      entries);
  if (crc32(0, entries) != header.entries_crc) {
    throw Error(fmt::format("the entries at sector {} do not have their checksum",
                            uint64_t{header.entries_sector}));
  }
  return entries;
}

void check_copy(const File& image, uint32_t sector_bytes, const Header& header,
                const Bytes& entries) {
  const uint64_t sectors = image.size_bytes() / sector_bytes;
  if (header.other_sector != sectors - 1) {
    throw Error(fmt::format("the header's copy is at sector {}, the last one is {}",
                            uint64_t{header.other_sector}, sectors - 1));
  }
  const Header copy = read_header(image, sector_bytes, header.other_sector);
  if (read_entries(image, sector_bytes, copy) != entries || copy.id.bytes != header.id.bytes ||
      copy.first_usable != header.first_usable || copy.last_usable != header.last_usable) {
    throw Error("the two copies of the table differ");
  }
  if (header.first_usable > header.last_usable || header.last_usable >= sectors) {
    throw Error(fmt::format("partitions may use sectors {} to {}, the disk has {}",
                            uint64_t{header.first_usable}, uint64_t{header.last_usable}, sectors));
  }
}

std::string name_of(const TableEntry& entry) {
  const Utf16 units(entry.name.begin(), std::ranges::find(entry.name, 0, [](const le16& unit) {
                      return uint16_t{unit};
                    }));
  return to_utf8(units);
}

}  // namespace

Disk read_disk(std::shared_ptr<const File> image) {
  return with_context(fmt::format("cannot read disk image '{}'", image->name()), [&] {
    Disk disk;
    disk.sector_bytes = find_sector_bytes(*image);
    const Header header = read_header(*image, disk.sector_bytes, 1);
    const Bytes entries = read_entries(*image, disk.sector_bytes, header);
    check_copy(*image, disk.sector_bytes, header, entries);
    disk.id = from_disk(header.id);
    Cursor cursor(entries, "the partition entries");
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    while (cursor.remaining() != 0) {
      const TableEntry entry = cursor.take_struct<TableEntry>();
      if (entry.type.bytes == Guid{}) continue;
      const uint64_t first = entry.first_sector, last = entry.last_sector;
      if (first < header.first_usable || last > header.last_usable || first > last) {
        throw Error(fmt::format("partition '{}' has sectors {} to {}, expected within {} to {}",
                                name_of(entry), first, last, uint64_t{header.first_usable},
                                uint64_t{header.last_usable}));
      }
      for (const auto& [other_first, other_last] : ranges) {
        if (first <= other_last && other_first <= last) {
          throw Error(fmt::format("partition '{}' has sectors {} to {}, another has {} to {}",
                                  name_of(entry), first, last, other_first, other_last));
        }
      }
      ranges.emplace_back(first, last);
      const uint64_t offset = first * disk.sector_bytes;
      const uint64_t size = (last - first + 1) * disk.sector_bytes;
      disk.partitions.push_back(
          {name_of(entry), from_disk(entry.type), from_disk(entry.id), entry.attributes,
           Content::from_source(std::make_shared<PartitionSource>(image, offset), size), size});
      disk.partition_offsets.push_back(offset);
    }
    return disk;
  });
}

}  // namespace imagefmt
