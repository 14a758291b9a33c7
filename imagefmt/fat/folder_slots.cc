// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <ctime>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/fat/names.h"
#include "imagefmt/fat/plan.h"

namespace imagefmt::fat {

namespace {

constexpr int64_t kEarliest = 315532800;  // 1980-01-01
constexpr int64_t kLatest = 4354819198;   // 2107-12-31 23:59:58

struct Stamp {
  uint16_t date = 0, time = 0;
};

Stamp stamp_of(int64_t seconds) {
  const time_t clamped = static_cast<time_t>(std::clamp(seconds, kEarliest, kLatest));
  struct tm parts {};
  gmtime_r(&clamped, &parts);
  return {
      static_cast<uint16_t>((parts.tm_year - 80) << 9 | (parts.tm_mon + 1) << 5 | parts.tm_mday),
      static_cast<uint16_t>(parts.tm_hour << 11 | parts.tm_min << 5 | parts.tm_sec / 2)};
}

FolderSlot make_slot(const ShortName& name, uint8_t attributes, uint32_t cluster,
                     uint32_t size_bytes, int64_t mtime) {
  const Stamp stamp = stamp_of(mtime);
  FolderSlot slot{};
  slot.name = name;
  slot.attributes = attributes;
  slot.created_date = slot.accessed_date = slot.written_date = stamp.date;
  slot.created_time = slot.written_time = stamp.time;
  slot.cluster_high = static_cast<uint16_t>(cluster >> 16);
  slot.cluster_low = static_cast<uint16_t>(cluster);
  slot.size_bytes = size_bytes;
  return slot;
}

ShortName plain_name(std::string_view text) {
  ShortName name;
  name.fill(' ');
  std::ranges::copy(text, name.begin());
  return name;
}

}  // namespace

uint64_t count_slots(const Directory& folder, bool is_root, bool has_volume_name) {
  uint64_t slots = is_root ? (has_volume_name ? 1 : 0) : 2;
  for (const Entry& entry : folder.entries) {
    slots += 1;
    if (as_short_name(entry.name)) continue;
    const std::optional<Utf16> units = to_utf16(entry.name);
    if (units) slots += (units->size() + kUnitsPerSlot - 1) / kUnitsPerSlot;
  }
  return slots;
}

Bytes serialize_folder(const Plan& plan, const Placed& folder) {
  Bytes bytes;
  const Directory& directory = *folder.node->directory();
  const bool is_root = &folder == plan.nodes.data();
  if (!is_root) {
    const int64_t mtime = folder.node->mtime;
    append(bytes, bytes_of(make_slot(plain_name("."), kFolder, folder.first_cluster, 0, mtime)));
    append(bytes, bytes_of(make_slot(plain_name(".."), kFolder, folder.parent_cluster, 0, mtime)));
  } else if (!plan.volume_name.empty()) {
    append(bytes, bytes_of(make_slot(plain_name(plan.volume_name), kVolumeName, 0, 0,
                                     folder.node->mtime)));
  }
  // Made names must not meet those that stand for themselves.
  std::set<ShortName> taken;
  for (const Entry& entry : directory.entries) {
    if (const std::optional<ShortName> name = as_short_name(entry.name)) taken.insert(*name);
  }
  for (size_t i = 0; i < directory.entries.size(); ++i) {
    const Entry& entry = directory.entries[i];
    const Placed& child = plan.nodes[folder.first_child + i];
    const std::optional<ShortName> exact = as_short_name(entry.name);
    const ShortName name = exact ? *exact : make_short_name(entry.name, taken);
    taken.insert(name);
    for (const LongNameSlot& slot : serialize_long_name(entry.name, name)) {
      append(bytes, bytes_of(slot));
    }
    const bool is_folder = entry.node.directory() != nullptr;
    append(bytes, bytes_of(make_slot(name, is_folder ? kFolder : kArchive, child.first_cluster,
                                     is_folder ? 0 : static_cast<uint32_t>(child.size_bytes),
                                     entry.node.mtime)));
  }
  bytes.resize(static_cast<size_t>(folder.clusters * plan.geometry.cluster_bytes()));
  return bytes;
}

}  // namespace imagefmt::fat
