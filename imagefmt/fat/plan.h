// SPDX-License-Identifier: Apache-2.0
//
// Where each byte goes, before the first one is written.
#pragma once

#include <vector>

#include "imagefmt/fat/fat.h"
#include "imagefmt/fat/format.h"

namespace imagefmt::fat {

struct Geometry {
  uint32_t sector_bytes = 0, cluster_sectors = 0, sectors = 0, table_sectors = 0, clusters = 0;

  uint64_t cluster_bytes() const { return uint64_t{sector_bytes} * cluster_sectors; }
  uint64_t table_offset(uint32_t table) const {
    return (kReservedSectors + uint64_t{table} * table_sectors) * sector_bytes;
  }
  uint64_t offset_of(uint32_t cluster) const {
    return table_offset(kTables) + (cluster - kFirstCluster) * cluster_bytes();
  }
};

/// A file or folder, one behind the other on disk.
struct Placed {
  const Node* node = nullptr;
  uint64_t size_bytes = 0;                   // of what lies in its clusters
  uint32_t first_cluster = 0, clusters = 0;  // 0: it has none
  uint32_t parent_cluster = 0;               // of a folder; 0: the root
  size_t first_child = 0;                    // of a folder: where its entries' nodes begin
};

struct Plan {
  Geometry geometry;
  uint64_t size_bytes = 0;  // what is behind the last cluster included
  uint32_t serial_number = 0;
  std::string volume_name;
  /// The root, then the entries of each folder together.
  std::vector<Placed> nodes;
  uint32_t used_clusters = 0;
};

/// Throws what stands against writing `tree`, which must outlive the plan.
Plan make_plan(const FileTree& tree, const FatOptions& options);

/// A folder's slots, for the whole of its clusters.
Bytes serialize_folder(const Plan& plan, const Placed& folder);

/// How many slots a folder's entries take; `is_root` says whether it names the volume or its parent.
uint64_t count_slots(const Directory& folder, bool is_root, bool has_volume_name);

}  // namespace imagefmt::fat
