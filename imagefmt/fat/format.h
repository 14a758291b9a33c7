// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>

#include "imagefmt/base/endian.h"

namespace imagefmt::fat {

constexpr uint32_t kFirstCluster = 2;
constexpr uint32_t kLeastClusters = 65525;  // with fewer it would be taken for FAT16
constexpr uint32_t kMostClusters = 0x0ffffff5 - kFirstCluster;
constexpr uint32_t kClusterMask = 0x0fffffff;  // the other bits of an entry mean nothing
constexpr uint32_t kEndOfChain = 0x0fffffff, kLeastEndOfChain = 0x0ffffff8;
constexpr uint16_t kReservedSectors = 32;
constexpr uint16_t kInfoSector = 1, kBackupSector = 6;
constexpr uint8_t kTables = 2;
constexpr uint8_t kMedia = 0xf8;  // a fixed disk
constexpr uint16_t kBootSignature = 0xaa55;

struct BootSector {
  std::array<uint8_t, 3> jump;  // 0x00
  std::array<char, 8> maker;
  le16 sector_bytes;  // 0x0b
  uint8_t cluster_sectors;
  le16 reserved_sectors;
  uint8_t tables;  // 0x10
  le16 root_entries;
  le16 sectors_16;
  uint8_t media;  // 0x15
  le16 table_sectors_16;
  le16 track_sectors;
  le16 heads;
  le32 hidden_sectors;
  le32 sectors;  // 0x20
  le32 table_sectors;
  le16 flags;  // 0x28
  le16 version;
  le32 root_cluster;  // 0x2c
  le16 info_sector;
  le16 backup_sector;
  std::array<uint8_t, 12> reserved;
  uint8_t drive;  // 0x40
  uint8_t reserved_1;
  uint8_t extended_signature;  // 0x42: 0x29
  le32 serial_number;
  std::array<char, 11> volume_name;
  std::array<char, 8> type;  // 0x52
  std::array<uint8_t, 420> code;
  le16 signature;  // 0x1fe
};
static_assert(sizeof(BootSector) == 512);

struct InfoSector {
  le32 lead;  // 0x000: "RRaA"
  std::array<uint8_t, 480> reserved;
  le32 structure;  // 0x1e4: "rrAa"
  le32 free_clusters;
  le32 next_free;
  std::array<uint8_t, 12> reserved_1;
  le32 trail;  // 0x1fc
};
static_assert(sizeof(InfoSector) == 512);

enum Attribute : uint8_t {
  kReadOnly = 0x01,
  kVolumeName = 0x08,
  kFolder = 0x10,
  kArchive = 0x20,
  kLongName = 0x0f,
};

constexpr size_t kEntryBytes = 32;

struct FolderSlot {
  std::array<char, 11> name;  // 0x00: eight and three, filled with blanks
  uint8_t attributes;
  uint8_t lower_case;  // 0x0c
  uint8_t created_hundredths;
  le16 created_time;
  le16 created_date;  // 0x10
  le16 accessed_date;
  le16 cluster_high;
  le16 written_time;  // 0x16
  le16 written_date;
  le16 cluster_low;
  le32 size_bytes;  // 0x1c
};
static_assert(sizeof(FolderSlot) == kEntryBytes);

struct LongNameSlot {
  uint8_t ordinal;  // from 1; the last part, which comes first, has kLastPart set
  std::array<le16, 5> units_1;
  uint8_t attributes;  // 0x0b
  uint8_t type;
  uint8_t checksum;  // of the short name
  std::array<le16, 6> units_2;
  le16 cluster;  // 0x1a: 0
  std::array<le16, 2> units_3;
};
static_assert(sizeof(LongNameSlot) == kEntryBytes);
constexpr uint8_t kLastPart = 0x40;
constexpr size_t kUnitsPerSlot = 13;
constexpr char kDeleted = '\xe5';

constexpr uint8_t kLowerBase = 0x08, kLowerExtension = 0x10;

}  // namespace imagefmt::fat
