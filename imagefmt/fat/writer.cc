// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/fat/plan.h"
#include "imagefmt/output.h"

namespace imagefmt {

using namespace fat;

namespace {

BootSector make_boot_sector(const Plan& plan) {
  const Geometry& geometry = plan.geometry;
  BootSector sector{};
  sector.jump = {0xeb, 0x58, 0x90};
  std::ranges::copy(std::string_view("INTAGLIO"), sector.maker.begin());
  sector.sector_bytes = static_cast<uint16_t>(geometry.sector_bytes);
  sector.cluster_sectors = static_cast<uint8_t>(geometry.cluster_sectors);
  sector.reserved_sectors = kReservedSectors;
  sector.tables = kTables;
  sector.media = kMedia;
  sector.track_sectors = 63;
  sector.heads = 255;
  sector.sectors = geometry.sectors;
  sector.table_sectors = geometry.table_sectors;
  sector.root_cluster = kFirstCluster;
  sector.info_sector = kInfoSector;
  sector.backup_sector = kBackupSector;
  sector.drive = 0x80;
  sector.extended_signature = 0x29;
  sector.serial_number = plan.serial_number;
  std::ranges::copy(std::string_view("NO NAME    "), sector.volume_name.begin());
  if (!plan.volume_name.empty()) {
    sector.volume_name.fill(' ');
    std::ranges::copy(plan.volume_name, sector.volume_name.begin());
  }
  std::ranges::copy(std::string_view("FAT32   "), sector.type.begin());
  sector.signature = kBootSignature;
  return sector;
}

InfoSector make_info_sector(const Plan& plan) {
  InfoSector sector{};
  sector.lead = 0x41615252;
  sector.structure = 0x61417272;
  sector.free_clusters = plan.geometry.clusters - plan.used_clusters;
  sector.next_free = kFirstCluster + plan.used_clusters;
  sector.trail = uint32_t{kBootSignature} << 16;
  return sector;
}

/// One copy of the table: every chain is one run.
Bytes serialize_table(const Plan& plan) {
  std::vector<le32> entries(kFirstCluster + size_t{plan.used_clusters});
  entries[0] = 0x0fffff00 | kMedia;
  entries[1] = kEndOfChain;
  for (const Placed& node : plan.nodes) {
    for (uint32_t i = 0; i < node.clusters; ++i) {
      const uint32_t cluster = node.first_cluster + i;
      entries[cluster] = i + 1 == node.clusters ? kEndOfChain : cluster + 1;
    }
  }
  Bytes bytes;
  append(bytes, {reinterpret_cast<const uint8_t*>(entries.data()), entries.size() * sizeof(le32)});
  return bytes;
}

}  // namespace

uint64_t planned_fat_size(const FileTree& tree, const FatOptions& options) {
  return make_plan(tree, options).size_bytes;
}

void write_fat(const FileTree& tree, const FatOptions& options, File& out, Reporter& reporter) {
  const Plan plan = make_plan(tree, options);
  const Geometry& geometry = plan.geometry;
  // A reader must not take what stood in `out` for an image while this one is made. What is never
  // written reads as zeros.
  out.resize(0);
  out.resize(plan.size_bytes);
  {
    Stage stage(reporter, "writing files", totals(tree).data_bytes);
    for (const Placed& node : plan.nodes) {
      if (node.clusters == 0) continue;
      const uint64_t offset = geometry.offset_of(node.first_cluster);
      if (const Regular* file = node.node->regular()) {
        write_content(file->content, offset, out, stage);
      } else {
        out.write(offset, serialize_folder(plan, node));
      }
    }
  }
  const Bytes table = serialize_table(plan);
  for (uint32_t i = 0; i < kTables; ++i) out.write(geometry.table_offset(i), table);
  const BootSector boot = make_boot_sector(plan);
  const InfoSector info = make_info_sector(plan);
  const auto at = [&](uint32_t sector) { return uint64_t{sector} * geometry.sector_bytes; };
  out.write(at(kInfoSector), bytes_of(info));
  out.write(at(kBackupSector), bytes_of(boot));
  out.write(at(kBackupSector + kInfoSector), bytes_of(info));
  // The last write makes it an image.
  out.write(0, bytes_of(boot));
}

}  // namespace imagefmt
