// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/fat/plan.h"

#include <algorithm>
#include <bit>
#include <map>

#include "imagefmt/fat/names.h"
#include "imagefmt/identity.h"
#include "imagefmt/node_faults.h"

namespace imagefmt::fat {

namespace {

constexpr uint32_t kPreferredClusterBytes = 4096;
constexpr uint64_t kMaxFolderSlots = 65536;  // drivers of firmware count them in 16 bits

void check_options(const FatOptions& options) {
  const uint32_t sector = options.sector_bytes;
  if (sector < 512 || sector > 4096 || !std::has_single_bit(sector)) {
    throw Error(fmt::format(
        "cannot use sectors of {} bytes: expected a power of two from 512 to 4096", sector));
  }
  const bool is_legal = std::ranges::all_of(options.volume_name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (options.volume_name.size() > std::tuple_size_v<ShortName> || !is_legal) {
    throw Error(fmt::format(
        "cannot use the volume name '{}': expected up to 11 of A to Z, 0 to 9, '-' and '_'",
        options.volume_name));
  }
  if (options.size_bytes % sector != 0) {
    throw Error(fmt::format("cannot make a file system of {} bytes: no multiple of {}",
                            options.size_bytes, sector));
  }
}

std::vector<std::string> faults_of(const Node& node) {
  if (const Directory* folder = node.directory()) {
    std::vector<std::string> faults;
    std::map<std::string, std::string_view> seen;
    for (const Entry& entry : folder->entries) {
      const std::string fault = name_fault(entry.name);
      if (!fault.empty()) faults.push_back(fmt::format("'{}': {}", entry.name, fault));
      const auto [other, is_new] = seen.emplace(folded(entry.name), entry.name);
      if (!is_new) {
        faults.push_back(
            fmt::format("'{}' and '{}' are one name to firmware", other->second, entry.name));
      }
    }
    if (count_slots(*folder, false, false) > kMaxFolderSlots) {
      faults.push_back(fmt::format("its names take more than {} slots", kMaxFolderSlots));
    }
    return faults;
  }
  if (const Regular* file = node.regular()) {
    if (file->content.size_bytes() <= UINT32_MAX) return {};
    return {fmt::format("{} bytes, more than FAT holds in a file ({})", file->content.size_bytes(),
                        UINT32_MAX)};
  }
  return {"FAT holds files and folders only"};
}

uint64_t clusters_for(uint64_t size_bytes, uint64_t cluster_bytes) {
  return (size_bytes + cluster_bytes - 1) / cluster_bytes;
}

/// Every node with its size, in the order of the plan.
std::vector<Placed> list_nodes(const FileTree& tree, bool has_volume_name) {
  std::vector<Placed> nodes{{.node = &tree.root()}};
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (const Directory* folder = nodes[i].node->directory()) {
      nodes[i].size_bytes =
          kEntryBytes * std::max<uint64_t>(count_slots(*folder, i == 0, has_volume_name), 1);
      nodes[i].first_child = nodes.size();
      for (const Entry& entry : folder->entries) nodes.push_back({.node = &entry.node});
    } else {
      nodes[i].size_bytes = nodes[i].node->regular()->content.size_bytes();
    }
  }
  return nodes;
}

uint64_t clusters_of(const std::vector<Placed>& nodes, uint64_t cluster_bytes) {
  uint64_t clusters = 0;
  for (const Placed& node : nodes) clusters += clusters_for(node.size_bytes, cluster_bytes);
  return clusters;
}

uint64_t table_sectors_for(uint64_t clusters, uint32_t sector_bytes) {
  return clusters_for((clusters + kFirstCluster) * sizeof(le32), sector_bytes);
}

/// With the given clusters and nothing beside them.
uint64_t sectors_for(uint64_t clusters, const Geometry& geometry) {
  return kReservedSectors + kTables * table_sectors_for(clusters, geometry.sector_bytes) +
         clusters * geometry.cluster_sectors;
}

/// The most clusters that `sectors` hold.
uint64_t clusters_in(uint64_t sectors, const Geometry& geometry) {
  uint64_t least = 0, most = sectors / geometry.cluster_sectors;
  while (least < most) {
    const uint64_t middle = least + (most - least + 1) / 2;
    if (sectors_for(middle, geometry) <= sectors) {
      least = middle;
    } else {
      most = middle - 1;
    }
  }
  return least;
}

Geometry plan_geometry(const std::vector<Placed>& nodes, const FatOptions& options) {
  Geometry geometry;
  geometry.sector_bytes = options.sector_bytes;
  const uint64_t sectors = options.size_bytes / options.sector_bytes;
  // Small clusters where large ones would be too few to be FAT32.
  uint64_t clusters = 0;
  for (uint32_t bytes = std::max(kPreferredClusterBytes, options.sector_bytes);
       bytes >= options.sector_bytes; bytes /= 2) {
    geometry.cluster_sectors = bytes / options.sector_bytes;
    clusters = sectors != 0 ? clusters_in(sectors, geometry) : clusters_of(nodes, bytes);
    if (clusters >= kLeastClusters) break;
  }
  if (sectors == 0) clusters = std::max<uint64_t>(clusters, kLeastClusters);
  const uint64_t least_bytes = sectors_for(kLeastClusters, geometry) * options.sector_bytes;
  if (clusters < kLeastClusters) {
    throw Error(fmt::format("cannot make a file system of {} bytes: FAT32 has at least {}",
                            options.size_bytes, least_bytes));
  }
  const uint64_t needed = clusters_of(nodes, geometry.cluster_bytes());
  if (needed > clusters) {
    throw Error(fmt::format("cannot make a file system of {} bytes: its files need {}",
                            options.size_bytes,
                            sectors_for(needed, geometry) * options.sector_bytes));
  }
  if (clusters > kMostClusters || sectors_for(clusters, geometry) > UINT32_MAX) {
    throw Error(fmt::format("cannot make a file system of {} clusters: FAT32 has at most {}",
                            clusters, kMostClusters));
  }
  geometry.clusters = static_cast<uint32_t>(clusters);
  geometry.table_sectors = static_cast<uint32_t>(table_sectors_for(clusters, options.sector_bytes));
  // No more: readers count the clusters by the sectors, and the table ends with the last one.
  geometry.sectors = static_cast<uint32_t>(sectors_for(clusters, geometry));
  return geometry;
}

/// Gives each node its clusters; a folder's place is known when its entries are placed.
uint32_t place(std::vector<Placed>& nodes, uint64_t cluster_bytes) {
  uint32_t next = kFirstCluster;
  for (size_t i = 0; i < nodes.size(); ++i) {
    Placed& node = nodes[i];
    node.clusters = static_cast<uint32_t>(clusters_for(node.size_bytes, cluster_bytes));
    if (node.clusters != 0) node.first_cluster = next;
    next += node.clusters;
    if (const Directory* folder = node.node->directory()) {
      for (size_t child = 0; child < folder->entries.size(); ++child) {
        nodes[node.first_child + child].parent_cluster = i == 0 ? 0 : node.first_cluster;
      }
    }
  }
  return next - kFirstCluster;
}

}  // namespace

Plan make_plan(const FileTree& tree, const FatOptions& options) {
  check_options(options);
  Faults faults;
  find_faults(tree, faults_of, faults);
  faults.throw_if_any();
  Plan plan;
  plan.volume_name = options.volume_name;
  plan.nodes = list_nodes(tree, !options.volume_name.empty());
  plan.geometry = plan_geometry(plan.nodes, options);
  plan.size_bytes = options.size_bytes != 0
                        ? options.size_bytes
                        : uint64_t{plan.geometry.sectors} * options.sector_bytes;
  plan.used_clusters = place(plan.nodes, plan.geometry.cluster_bytes());
  const Digest serial = derive(identity_of(tree, options.identity), "fat serial number");
  for (size_t i = 0; i < sizeof(uint32_t); ++i) {
    plan.serial_number = plan.serial_number << 8 | serial[i];
  }
  return plan;
}

}  // namespace imagefmt::fat
