// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>

#include "imagefmt/base/crc32.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/base/utf16.h"
#include "imagefmt/gpt/format.h"
#include "imagefmt/output.h"

namespace imagefmt {

using namespace gpt;

namespace {

/// Bytes of the disk that are in use, and by what.
struct Extent {
  uint64_t begin, end;
  std::string what;
};

struct Plan {
  uint32_t sector_bytes = 0;
  uint64_t size_bytes = 0;
  std::vector<uint64_t> offsets, sizes;  // of the partitions, bytes

  uint64_t sectors() const { return size_bytes / sector_bytes; }
  uint64_t table_bytes() const { return (1 + entries_sectors(sector_bytes)) * sector_bytes; }
  uint64_t first_usable() const { return 2 + entries_sectors(sector_bytes); }
  uint64_t last_usable() const { return sectors() - table_bytes() / sector_bytes - 1; }
};

void check_options(const DiskOptions& options) {
  if (options.sector_bytes != 512 && options.sector_bytes != 4096) {
    throw Error(
        fmt::format("cannot use sectors of {} bytes: expected 512 or 4096", options.sector_bytes));
  }
  const uint64_t alignment = options.alignment_bytes;
  if (alignment < options.sector_bytes || !std::has_single_bit(alignment)) {
    throw Error(fmt::format("cannot align partitions to {} bytes: expected a power of two from {}",
                            alignment, options.sector_bytes));
  }
  if (options.first_offset_bytes % options.sector_bytes != 0) {
    throw Error(fmt::format("cannot begin partitions at {}: no multiple of {}",
                            options.first_offset_bytes, options.sector_bytes));
  }
  if (options.size_bytes % options.sector_bytes != 0) {
    throw Error(fmt::format("cannot make a disk of {} bytes: no multiple of {}", options.size_bytes,
                            options.sector_bytes));
  }
}

void check_partitions(const std::vector<Partition>& partitions, const DiskOptions& options,
                      Faults& faults) {
  if (partitions.size() > kEntries) {
    faults.add(
        fmt::format("cannot write {} partitions: the table holds {}", partitions.size(), kEntries));
  }
  for (size_t i = 0; i < partitions.size(); ++i) {
    const Partition& partition = partitions[i];
    auto fault = [&](const std::string& reason) {
      faults.add(fmt::format("cannot write partition '{}': {}", partition.name, reason));
    };
    const std::optional<Utf16> name = to_utf16(partition.name);
    if (!name) fault("its name is no UTF-8");
    if (name && name->size() > kNameUnits) {
      fault(fmt::format("its name has {} UTF-16 units, more than {}", name->size(), kNameUnits));
    }
    if (partition.type == Guid{}) fault("it has no type");
    for (size_t j = 0; j < i; ++j) {
      if (partitions[j].id == partition.id) {
        fault(fmt::format("it has the GUID of '{}'", partitions[j].name));
      }
    }
    const uint64_t size = partition.size_bytes, needed = partition.content.size_bytes();
    if (size != 0 && size < needed) {
      fault(fmt::format("{} bytes, the partition has {}", needed, size));
    }
    if (size % options.sector_bytes != 0) {
      fault(fmt::format("{} bytes are no multiple of {}", size, options.sector_bytes));
    }
    if (size == 0 && needed == 0) fault("it is empty");
  }
}

void check_apart(std::vector<Extent> extents, Faults& faults) {
  std::ranges::stable_sort(extents, {}, &Extent::begin);
  for (size_t i = 1; i < extents.size(); ++i) {
    const Extent &before = extents[i - 1], &after = extents[i];
    if (after.begin < before.end) {
      faults.add(fmt::format("cannot place {} at {}: {} ends at {}", after.what, after.begin,
                             before.what, before.end));
    }
  }
}

Plan make_plan(const std::vector<Partition>& partitions, const DiskOptions& options) {
  check_options(options);
  Faults faults;
  check_partitions(partitions, options, faults);
  Plan plan;
  plan.sector_bytes = options.sector_bytes;
  const uint64_t table_end = plan.first_usable() * options.sector_bytes;
  std::vector<Extent> extents{{0, table_end, "the partition table"}};
  uint64_t end = table_end;
  for (const Partition& partition : partitions) {
    const uint64_t size = align_up(std::max(partition.size_bytes, partition.content.size_bytes()),
                                   options.sector_bytes);
    const bool is_placed = plan.offsets.empty() && options.first_offset_bytes != 0;
    plan.offsets.push_back(is_placed ? options.first_offset_bytes
                                     : align_up(end, options.alignment_bytes));
    plan.sizes.push_back(size);
    end = checked_add(plan.offsets.back(), size, "the disk's size");
    extents.push_back({plan.offsets.back(), end, fmt::format("partition '{}'", partition.name)});
  }
  const uint64_t needed = checked_add(end, plan.table_bytes(), "the disk's size");
  plan.size_bytes = options.size_bytes;
  if (plan.size_bytes == 0) {
    plan.size_bytes = align_up(needed, options.alignment_bytes);
  } else if (plan.size_bytes < needed) {
    faults.add(fmt::format("cannot make a disk of {} bytes: its partitions need {}",
                           plan.size_bytes, needed));
  }
  for (const RawArea& area : options.raw_areas) {
    extents.push_back({area.offset_bytes,
                       checked_add(area.offset_bytes, area.content.size_bytes(), "the disk's size"),
                       fmt::format("'{}'", area.name)});
  }
  if (faults.empty()) {
    extents.push_back(
        {plan.size_bytes - plan.table_bytes(), plan.size_bytes, "the partition table's copy"});
  }
  check_apart(std::move(extents), faults);
  faults.throw_if_any();
  return plan;
}

Bytes serialize_entries(const std::vector<Partition>& partitions, const Plan& plan) {
  std::vector<TableEntry> entries(kEntries);
  for (size_t i = 0; i < partitions.size(); ++i) {
    TableEntry& entry = entries[i];
    entry.type = to_disk(partitions[i].type);
    entry.id = to_disk(partitions[i].id);
    entry.first_sector = plan.offsets[i] / plan.sector_bytes;
    entry.last_sector = (plan.offsets[i] + plan.sizes[i]) / plan.sector_bytes - 1;
    entry.attributes = partitions[i].attributes;
    std::ranges::copy(to_utf16(partitions[i].name).value_or(Utf16()), entry.name.begin());
  }
  Bytes bytes;
  append(bytes, {reinterpret_cast<const uint8_t*>(entries.data()), kEntries * kEntryBytes});
  return bytes;
}

/// The header at `own`, whose entries begin at `entries_sector`.
Header make_header(const Plan& plan, const Guid& id, uint64_t own, uint64_t other,
                   uint64_t entries_sector, uint32_t entries_crc) {
  Header header{};
  std::ranges::copy(kSignature, header.signature.begin());
  header.revision = kRevision;
  header.header_bytes = sizeof(Header);
  header.own_sector = own;
  header.other_sector = other;
  header.first_usable = plan.first_usable();
  header.last_usable = plan.last_usable();
  header.id = to_disk(id);
  header.entries_sector = entries_sector;
  header.entry_count = kEntries;
  header.entry_bytes = kEntryBytes;
  header.entries_crc = entries_crc;
  header.header_crc = crc32(0, bytes_of(header));
  return header;
}

/// Says to what knows no GPT that the whole disk is in use.
ProtectiveMbr make_mbr(const Plan& plan) {
  ProtectiveMbr mbr{};
  mbr.entries[0] = {
      0,           {0x00, 0x02, 0x00},
      kProtective, {0xff, 0xff, 0xff},
      1,           static_cast<uint32_t>(std::min<uint64_t>(plan.sectors() - 1, UINT32_MAX))};
  mbr.signature = kBootSignature;
  return mbr;
}

}  // namespace

uint64_t planned_disk_size(const std::vector<Partition>& partitions, const DiskOptions& options) {
  return make_plan(partitions, options).size_bytes;
}

void write_disk(const std::vector<Partition>& partitions, const DiskOptions& options, File& out,
                Reporter& reporter) {
  const Plan plan = make_plan(partitions, options);
  // A reader must not take what stood in `out` for a disk while this one is made.
  out.resize(0);
  out.resize(plan.size_bytes);
  {
    uint64_t total = 0;
    for (const Partition& partition : partitions) total += partition.content.size_bytes();
    for (const RawArea& area : options.raw_areas) total += area.content.size_bytes();
    Stage stage(reporter, "writing partitions", total);
    for (const RawArea& area : options.raw_areas) {
      write_content(area.content, area.offset_bytes, out, stage);
    }
    for (size_t i = 0; i < partitions.size(); ++i) {
      write_content(partitions[i].content, plan.offsets[i], out, stage);
    }
  }
  const Bytes entries = serialize_entries(partitions, plan);
  const uint32_t entries_crc = crc32(0, entries);
  const uint64_t last = plan.sectors() - 1, copy = plan.last_usable() + 1;
  const auto write_at = [&](uint64_t sector, ByteView bytes) {
    out.write(sector * plan.sector_bytes, bytes);
  };
  write_at(copy, entries);
  write_at(last, bytes_of(make_header(plan, options.id, last, 1, copy, entries_crc)));
  write_at(2, entries);
  write_at(0, bytes_of(make_mbr(plan)));
  // The last write makes it a disk.
  write_at(1, bytes_of(make_header(plan, options.id, 1, last, 2, entries_crc)));
}

}  // namespace imagefmt
