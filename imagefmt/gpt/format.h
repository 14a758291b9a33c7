// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "imagefmt/base/endian.h"
#include "imagefmt/gpt/gpt.h"

namespace imagefmt::gpt {

constexpr uint32_t kEntryBytes = 128;
constexpr uint32_t kEntries = 128;
constexpr size_t kNameUnits = 36;
constexpr uint32_t kRevision = 0x00010000;
constexpr std::string_view kSignature = "EFI PART";
constexpr uint16_t kBootSignature = 0xaa55;
constexpr uint8_t kProtective = 0xee;

/// On disk the first three fields are little endian.
struct DiskGuid {
  std::array<uint8_t, 16> bytes;
};

struct Header {
  std::array<char, 8> signature;  // 0x00
  le32 revision;
  le32 header_bytes;
  le32 header_crc;  // 0x10: with this field 0
  le32 reserved;
  le64 own_sector;  // 0x18
  le64 other_sector;
  le64 first_usable;  // 0x28
  le64 last_usable;
  DiskGuid id;          // 0x38
  le64 entries_sector;  // 0x48
  le32 entry_count;
  le32 entry_bytes;
  le32 entries_crc;  // 0x58
};
static_assert(sizeof(Header) == 92);

struct TableEntry {
  DiskGuid type;  // 0x00
  DiskGuid id;
  le64 first_sector;  // 0x20
  le64 last_sector;   // the last one that belongs to it
  le64 attributes;
  std::array<le16, kNameUnits> name;  // 0x38
};
static_assert(sizeof(TableEntry) == kEntryBytes);

struct MbrEntry {
  uint8_t status;
  std::array<uint8_t, 3> first_chs;
  uint8_t type;
  std::array<uint8_t, 3> last_chs;
  le32 first_sector;
  le32 sectors;
};
struct ProtectiveMbr {
  std::array<uint8_t, 446> code;
  std::array<MbrEntry, 4> entries;  // 0x1be
  le16 signature;                   // 0x1fe
};
static_assert(sizeof(ProtectiveMbr) == 512);

DiskGuid to_disk(const Guid& guid);
Guid from_disk(const DiskGuid& guid);

/// How many sectors one copy of the entries takes.
constexpr uint64_t entries_sectors(uint32_t sector_bytes) {
  return uint64_t{kEntries} * kEntryBytes / sector_bytes;
}

}  // namespace imagefmt::gpt
