// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/geometry.h"

#include <algorithm>

namespace imagefmt::ext4 {

namespace {

uint64_t ceil_div(uint64_t a, uint64_t b) {
  return (a + b - 1) / b;
}

/// Sets the bits of `into` from `first` on.
void fill_bits(std::span<uint8_t> into, size_t first) {
  const size_t byte = first / 8;
  if (byte >= into.size()) return;
  into[byte] = static_cast<uint8_t>(into[byte] | 0xff << (first % 8));
  std::fill(into.begin() + static_cast<ptrdiff_t>(byte) + 1, into.end(), uint8_t{0xff});
}

/// Sets the first `count` bits of `into`, which is zeroed.
void set_bits(std::span<uint8_t> into, size_t count) {
  std::fill_n(into.begin(), count / 8, uint8_t{0xff});
  if (count % 8 != 0) into[count / 8] = static_cast<uint8_t>((1 << (count % 8)) - 1);
}

/// How many of the first `used` things are in group `group`, which has up to `size` of them.
uint64_t used_in_group(uint64_t used, uint32_t group, uint64_t size) {
  const uint64_t start = group * size;
  return used <= start ? 0 : std::min(used - start, size);
}

/// The blocks of a group that are used: the first ones.
uint64_t used_blocks(const Geometry& geometry, uint32_t group) {
  const bool has_backup =
      std::binary_search(geometry.backup_groups.begin(), geometry.backup_groups.end(), group);
  return std::max(used_in_group(geometry.first_free, group, geometry.blocks_per_group),
                  has_backup ? geometry.backup_blocks() : 0);
}

bool is_power_of(uint64_t base, uint64_t value) {
  while (value != 0 && value % base == 0) value /= base;
  return value == 1;
}

std::vector<uint32_t> backup_groups(uint64_t group_count) {
  std::vector<uint32_t> groups;
  for (uint32_t group = 1; group < group_count; ++group) {
    if (has_sparse_copy(group)) groups.push_back(group);
  }
  return groups;
}

}  // namespace

bool has_sparse_copy(uint64_t group) {
  return is_power_of(3, group) || is_power_of(5, group) || is_power_of(7, group);
}

uint64_t Geometry::place_of(uint64_t block) const {
  for (const uint32_t group : backup_groups) {
    if (block < uint64_t{group} * blocks_per_group) break;
    block += backup_blocks();
  }
  return block;
}

uint64_t Geometry::uninterrupted(uint64_t place) const {
  for (const uint32_t group : backup_groups) {
    const uint64_t start = uint64_t{group} * blocks_per_group;
    if (place < start) return start - place;
  }
  return UINT64_MAX;
}

Geometry plan_geometry(uint32_t inode_size, const Demand& demand, bool can_grow) {
  const uint64_t inodes = demand.inodes;
  const uint64_t inodes_per_block = kBlockSize / inode_size;
  const uint64_t inode_step = std::max<uint64_t>(inodes_per_block, 8);  // whole bytes of a bitmap
  if (inodes > UINT32_MAX - kMaxGroupItems) {
    throw Error(fmt::format("cannot make an ext4 image of {} inodes: it holds {}", inodes,
                            UINT32_MAX - kMaxGroupItems));
  }
  const uint64_t content_blocks =
      checked_add(demand.whole_blocks, demand.file_blocks, "size of the image");
  Geometry geometry;
  geometry.inode_size = inode_size;
  geometry.blocks_per_group = kMaxGroupItems;
  geometry.used_inodes = low32(demand.used_inodes);
  geometry.can_grow = can_grow;
  // A group more takes blocks for what describes it, which may take a group more.
  for (uint64_t groups = ceil_div(inodes, kMaxGroupItems);;) {
    const uint64_t inodes_per_group = ceil_div(ceil_div(inodes, groups), inode_step) * inode_step;
    geometry.block_bitmaps = 1 + ceil_div(groups * sizeof(GroupDescriptor), kBlockSize);
    geometry.inode_bitmaps = geometry.block_bitmaps + groups;
    geometry.inode_tables = geometry.inode_bitmaps + groups;
    geometry.content = geometry.inode_tables + groups * inodes_per_group / inodes_per_block;
    if (can_grow) geometry.backup_groups = backup_groups(groups);
    const uint64_t end = checked_add(geometry.content, content_blocks, "size of the image");
    geometry.first_free = geometry.place_of(end - 1) + 1;
    geometry.block_count =
        geometry.place_of(checked_add(end, demand.free_blocks, "size of the image") - 1) + 1;
    const uint64_t needed = ceil_div(geometry.block_count, kMaxGroupItems);
    if (needed > UINT32_MAX / kMaxGroupItems) {
      throw Error(
          fmt::format("cannot make an ext4 image of {} blocks: too many", geometry.block_count));
    }
    if (needed > groups) {
      groups = needed;
      continue;
    }
    if (can_grow &&
        (needed < groups || geometry.uninterrupted(0) < geometry.content + demand.whole_blocks)) {
      return plan_geometry(inode_size, demand, false);
    }
    // Where many inodes have few blocks there are groups for their sake, which are then smaller.
    geometry.group_count = low32(groups);
    geometry.inodes_per_group = low32(inodes_per_group);
    const uint64_t blocks_per_group =
        needed == groups ? kMaxGroupItems : align_up(ceil_div(geometry.block_count, groups), 8);
    geometry.blocks_per_group = low32(blocks_per_group);
    // Each has a block, since their number is derived from that of the blocks.
    geometry.block_count = std::max(geometry.block_count, (groups - 1) * blocks_per_group + 1);
    return geometry;
  }
}

void serialize_block_bitmap(const Geometry& geometry, uint32_t group, std::span<uint8_t> into) {
  set_bits(into, used_blocks(geometry, group));
  fill_bits(into, geometry.blocks_in_group(group));
}

void serialize_inode_bitmap(const Geometry& geometry, uint32_t group, std::span<uint8_t> into) {
  set_bits(into, used_in_group(geometry.used_inodes, group, geometry.inodes_per_group));
  fill_bits(into, geometry.inodes_per_group);
}

Bytes serialize_descriptors(const Geometry& geometry, const std::vector<uint32_t>& folder_counts,
                            const Seeds& seeds) {
  Bytes table((geometry.block_bitmaps - geometry.descriptors) * kBlockSize);
  const uint64_t table_blocks =
      uint64_t{geometry.inodes_per_group} * geometry.inode_size / kBlockSize;
  Bytes bitmap(kBlockSize);
  for (uint32_t group = 0; group < geometry.group_count; ++group) {
    GroupDescriptor& descriptor =
        struct_at<GroupDescriptor>(std::span(table), group * sizeof(GroupDescriptor));
    auto place = [](uint64_t block, le32& low, le32& high) {
      low = low32(block);
      high = high32(block);
    };
    auto count = [](uint64_t value, le16& low, le16& high) {
      low = low16(value);
      high = low16(value >> 16);
    };
    place(geometry.block_bitmaps + group, descriptor.block_bitmap_low,
          descriptor.block_bitmap_high);
    place(geometry.inode_bitmaps + group, descriptor.inode_bitmap_low,
          descriptor.inode_bitmap_high);
    place(geometry.inode_tables + group * table_blocks, descriptor.inode_table_low,
          descriptor.inode_table_high);
    const uint64_t blocks = geometry.blocks_in_group(group);
    count(blocks - std::min(blocks, used_blocks(geometry, group)), descriptor.free_block_count_low,
          descriptor.free_block_count_high);
    const uint64_t free_inodes =
        geometry.inodes_per_group -
        used_in_group(geometry.used_inodes, group, geometry.inodes_per_group);
    count(free_inodes, descriptor.free_inode_count_low, descriptor.free_inode_count_high);
    // Used ones come first, so what is free has never been used.
    count(free_inodes, descriptor.unused_inode_count_low, descriptor.unused_inode_count_high);
    count(folder_counts[group], descriptor.folder_count_low, descriptor.folder_count_high);
    descriptor.flags = kInodeTableIsZeroed;

    std::fill(bitmap.begin(), bitmap.end(), uint8_t{0});
    serialize_block_bitmap(geometry, group, bitmap);
    count(crc32c(seeds.checksum, ByteView(bitmap).first(geometry.blocks_per_group / 8)),
          descriptor.block_bitmap_checksum_low, descriptor.block_bitmap_checksum_high);
    std::fill(bitmap.begin(), bitmap.end(), uint8_t{0});
    serialize_inode_bitmap(geometry, group, bitmap);
    count(crc32c(seeds.checksum, ByteView(bitmap).first(geometry.inodes_per_group / 8)),
          descriptor.inode_bitmap_checksum_low, descriptor.inode_bitmap_checksum_high);
    descriptor.checksum =
        low16(crc32c(crc32c(seeds.checksum, bytes_of(le32(group))), bytes_of(descriptor)));
  }
  return table;
}

Superblock make_superblock(const Geometry& geometry, const Identity& identity, const Seeds& seeds,
                           const Inode* journal, uint32_t group) {
  Superblock superblock{};
  superblock.inode_count = geometry.inode_count();
  superblock.block_count_low = low32(geometry.block_count);
  superblock.block_count_high = high32(geometry.block_count);
  uint64_t free_blocks = geometry.block_count - geometry.first_free;
  for (const uint32_t backup : geometry.backup_groups) {
    const bool in_free = uint64_t{backup} * geometry.blocks_per_group >= geometry.first_free;
    free_blocks -= in_free ? geometry.backup_blocks() : 0;
  }
  superblock.free_block_count_low = low32(free_blocks);
  superblock.free_block_count_high = high32(free_blocks);
  superblock.free_inode_count = geometry.inode_count() - geometry.used_inodes;
  superblock.log_block_size = superblock.log_cluster_size =
      static_cast<uint32_t>(__builtin_ctz(kBlockSize / 1024));
  superblock.blocks_per_group = superblock.clusters_per_group = geometry.blocks_per_group;
  superblock.inodes_per_group = geometry.inodes_per_group;
  superblock.write_time = superblock.check_time = superblock.creation_time = identity.time;
  superblock.max_mount_count = kNoMaxMountCount;
  superblock.magic = kMagic;
  superblock.state = kClean;
  superblock.errors = kContinue;
  superblock.revision = kDynamicRevision;
  superblock.first_inode = kFirstInode;
  superblock.inode_size = low16(geometry.inode_size);
  // Without the numbers of two groups, sparse_super2 means: no copies of the superblock.
  superblock.compat =
      kXattrs | kDirectoryIndex | (geometry.can_grow ? uint32_t{0} : uint32_t{kSparseSuper2});
  superblock.group = low16(group);
  superblock.incompat = kFileType | kExtents | k64Bit | kFlexGroups;
  superblock.read_only_compat = kSparseSuper | kLargeFile | kHugeFile | kManySubfolders |
                                kExtraInodeSize | kMetadataChecksums |
                                (identity.shared_blocks ? uint32_t{kSharedBlocks} : 0);
  std::copy(identity.uuid.begin(), identity.uuid.end(), superblock.uuid);
  std::copy(identity.volume_name.begin(), identity.volume_name.end(), superblock.volume_name);
  std::copy(std::begin(seeds.hash), std::end(seeds.hash), superblock.hash_seed);
  superblock.hash_version = kHalfMd4;
  superblock.flags = kUnsignedHash;
  superblock.descriptor_size = sizeof(GroupDescriptor);
  superblock.mount_options = kMountXattrsAndAcls;
  superblock.min_extra_inode_size = superblock.want_extra_inode_size = kExtraInodeSize32;
  // One flexible group takes all: their bitmaps and tables lie together.
  superblock.log_groups_per_flex = 4;
  while (uint64_t{1} << superblock.log_groups_per_flex < geometry.group_count) {
    ++superblock.log_groups_per_flex;
  }
  if (journal) {
    superblock.compat = superblock.compat | kHasJournal;
    superblock.journal_inode = kJournalInode;
    superblock.journal_backup_type = kJournalInodeIsCopied;
    for (size_t i = 0; i < sizeof journal->block / sizeof(le32); ++i) {
      superblock.journal_blocks[i] = struct_at<le32>(ByteView(journal->block), i * sizeof(le32));
    }
    superblock.journal_blocks[15] = journal->size_high;
    superblock.journal_blocks[16] = journal->size_low;
  }
  superblock.checksum_type = kCrc32c;
  superblock.checksum =
      crc32c(~uint32_t{0}, bytes_of(superblock).first(offsetof(Superblock, checksum)));
  return superblock;
}

}  // namespace imagefmt::ext4
