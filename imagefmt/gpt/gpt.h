// SPDX-License-Identifier: Apache-2.0
//
// Disk images with a GUID Partition Table (UEFI specification 2.10, chapter 5), partitions typed as
// the Discoverable Partitions Specification (UAPI.2) says.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/digest.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/content.h"

namespace imagefmt {

/// As text has it: the bytes of `c12a7328-…` in the order in which they are written.
using Guid = std::array<uint8_t, 16>;

/// Throws `'<text>' is no GUID: …`.
Guid parse_guid(std::string_view text);
std::string to_text(const Guid& guid);
/// One that nobody else has: a version 8 UUID of the digest's first bytes.
Guid make_guid(const Digest& digest);

namespace gpt {
constexpr uint64_t kLegacyBootable = uint64_t{1} << 2;  // attributes; where U-Boot looks first
constexpr uint64_t kReadOnly = uint64_t{1} << 60;
constexpr uint64_t kGrowFileSystem = uint64_t{1} << 59;
}  // namespace gpt

struct Partition {
  std::string name;  // UTF-8, up to 36 UTF-16 units
  Guid type{};
  Guid id{};
  uint64_t attributes = 0;
  /// What lies in it, from its first byte; zeros follow.
  Content content;
  /// Of the partition; 0: as large as its content.
  uint64_t size_bytes = 0;
};

/// Bytes that belong to no partition, at a fixed place: firmware that the machine's ROM looks for.
struct RawArea {
  std::string name;
  uint64_t offset_bytes = 0;
  Content content;
};

struct DiskOptions {
  uint32_t sector_bytes = 512;  // or 4096
  Guid id{};
  /// Of the whole disk; 0: as large as its partitions need.
  uint64_t size_bytes = 0;
  /// Partitions begin at its multiples, the first one at it or behind it.
  uint64_t alignment_bytes = 1 << 20;
  /// Where the first partition begins; 0: as the alignment has it.
  uint64_t first_offset_bytes = 0;
  std::vector<RawArea> raw_areas = {};
};

/// The size that write_disk() will give. Throws what it throws before it writes, and reads no content.
uint64_t planned_disk_size(const std::vector<Partition>& partitions, const DiskOptions& options);

/// Writes the partitions one behind the other, in the order given; what nobody wrote is a hole.
///
/// Throws all that stands against it as one Error before `out` is touched: names and GUIDs that are
/// no names or are there twice, contents larger than their partitions, more than 128 partitions, a
/// disk too small for them, raw areas that meet the table, a partition or each other. Then what
/// reading a content or writing `out` gives.
void write_disk(const std::vector<Partition>& partitions, const DiskOptions& options, File& out,
                Reporter& reporter);

struct Disk {
  uint32_t sector_bytes = 0;
  Guid id{};
  std::vector<Partition> partitions;        // in the order of the table
  std::vector<uint64_t> partition_offsets;  // bytes, as `partitions`
};

/// Both copies of the table are read and compared. The image is not trusted: `cannot read disk image
/// '<name>': …` for checksums that differ, partitions that leave the disk or meet, and tables of
/// other sizes than 128 bytes an entry.
Disk read_disk(std::shared_ptr<const File> image);

}  // namespace imagefmt
