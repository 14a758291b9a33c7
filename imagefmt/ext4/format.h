// SPDX-License-Identifier: Apache-2.0
//
// The on-disk structs of ext4, by the kernel's Documentation/filesystems/ext4 and fs/ext4/ext4.h,
// extents.h and xattr.h. All integers are little-endian; wide ones are split in two halves.
#pragma once

#include <cstdint>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"

namespace imagefmt::ext4 {

constexpr uint32_t kBlockSize = 4096;  // of what we write; images of others have 1024 to 65536
constexpr uint32_t kSuperblockOffset = 1024;
constexpr uint16_t kMagic = 0xef53;
constexpr uint32_t kRootInode = 2;
constexpr uint32_t kJournalInode = 8;
constexpr uint32_t kFirstInode = 11;  // below it are reserved ones

enum CompatFeature : uint32_t {
  kHasJournal = 0x4,
  kXattrs = 0x8,
  kDirectoryIndex = 0x20,
  kSparseSuper2 = 0x200,
};
enum IncompatFeature : uint32_t {
  kFileType = 0x2,
  kMetaGroups = 0x10,
  kExtents = 0x40,
  k64Bit = 0x80,
  kFlexGroups = 0x200,
};
enum ReadOnlyCompatFeature : uint32_t {
  kSparseSuper = 0x1,
  kLargeFile = 0x2,
  kHugeFile = 0x8,
  kManySubfolders = 0x20,
  kExtraInodeSize = 0x40,
  kMetadataChecksums = 0x400,
  kSharedBlocks = 0x4000,  // of Android: blocks belong to several files, so nobody may write
};

struct Superblock {
  le32 inode_count;                //   0
  le32 block_count_low;            //   4
  le32 reserved_block_count_low;   //   8
  le32 free_block_count_low;       //  12
  le32 free_inode_count;           //  16
  le32 first_data_block;           //  20
  le32 log_block_size;             //  24: 1024 << this
  le32 log_cluster_size;           //  28
  le32 blocks_per_group;           //  32
  le32 clusters_per_group;         //  36
  le32 inodes_per_group;           //  40
  le32 mount_time;                 //  44
  le32 write_time;                 //  48
  le16 mount_count;                //  52
  le16 max_mount_count;            //  54
  le16 magic;                      //  56
  le16 state;                      //  58: kClean
  le16 errors;                     //  60: kContinue
  le16 minor_revision;             //  62
  le32 check_time;                 //  64
  le32 check_interval;             //  68
  le32 creator_os;                 //  72
  le32 revision;                   //  76
  le16 default_uid;                //  80
  le16 default_gid;                //  82
  le32 first_inode;                //  84
  le16 inode_size;                 //  88
  le16 group;                      //  90
  le32 compat;                     //  92
  le32 incompat;                   //  96
  le32 read_only_compat;           // 100
  uint8_t uuid[16];                // 104
  char volume_name[16];            // 120
  char last_mounted[64];           // 136
  le32 algorithm_bitmap;           // 200
  uint8_t preallocation[2];        // 204
  le16 reserved_descriptors;       // 206
  uint8_t journal_uuid[16];        // 208
  le32 journal_inode;              // 224
  le32 journal_device;             // 228
  le32 last_orphan;                // 232
  le32 hash_seed[4];               // 236
  uint8_t hash_version;            // 252
  uint8_t journal_backup_type;     // 253
  le16 descriptor_size;            // 254
  le32 mount_options;              // 256
  le32 first_meta_group;           // 260
  le32 creation_time;              // 264
  le32 journal_blocks[17];         // 268
  le32 block_count_high;           // 336
  le32 reserved_block_count_high;  // 340
  le32 free_block_count_high;      // 344
  le16 min_extra_inode_size;       // 348
  le16 want_extra_inode_size;      // 350
  le32 flags;                      // 352
  le16 raid_stride;                // 356
  le16 mmp_interval;               // 358
  le64 mmp_block;                  // 360
  le32 raid_stripe_width;          // 368
  uint8_t log_groups_per_flex;     // 372
  uint8_t checksum_type;           // 373
  uint8_t encryption_level;        // 374
  uint8_t reserved;                // 375
  uint8_t unused[212];             // 376: snapshots, errors, quotas: all 0
  le32 backup_groups[2];           // 588: with kSparseSuper2
  uint8_t unused_end[424];         // 596: encryption, projects: all 0
  le32 checksum;                   // 1020: CRC-32C of what is before it
};
static_assert(sizeof(Superblock) == 1024 && alignof(Superblock) == 1);
constexpr uint16_t kClean = 1;
constexpr uint16_t kContinue = 1;
constexpr uint16_t kNoMaxMountCount = 0xffff;
constexpr uint32_t kDynamicRevision = 1;
constexpr uint32_t kMountXattrsAndAcls = 0x4 | 0x8;
constexpr uint32_t kUnsignedHash = 0x2;  // of the flags: names are hashed as unsigned bytes
constexpr uint8_t kHalfMd4 = 1;
constexpr uint8_t kJournalInodeIsCopied = 1;  // to journal_blocks, with its size
constexpr uint8_t kCrc32c = 1;

/// The first block of a journal (fs/jbd2, include/linux/jbd2.h). What follows it is 0.
struct JournalSuperblock {
  be32 magic;            //  0
  be32 block_type;       //  4
  be32 header_sequence;  //  8
  be32 block_size;       // 12
  be32 block_count;      // 16
  be32 first_block;      // 20: of the log
  be32 sequence;         // 24: of the first commit
  be32 start;            // 28: of the log; 0: there is nothing to replay
  be32 error;            // 32
  be32 features[3];      // 36: compat, incompat, read_only_compat
  uint8_t uuid[16];      // 48
  be32 user_count;       // 64
};
static_assert(sizeof(JournalSuperblock) == 68 && alignof(JournalSuperblock) == 1);
constexpr uint32_t kJournalMagic = 0xc03b3998;
constexpr uint32_t kJournalSuperblockV2 = 4;

struct GroupDescriptor {
  le32 block_bitmap_low;            //  0
  le32 inode_bitmap_low;            //  4
  le32 inode_table_low;             //  8
  le16 free_block_count_low;        // 12
  le16 free_inode_count_low;        // 14
  le16 folder_count_low;            // 16
  le16 flags;                       // 18
  le32 exclude_bitmap_low;          // 20
  le16 block_bitmap_checksum_low;   // 24
  le16 inode_bitmap_checksum_low;   // 26
  le16 unused_inode_count_low;      // 28
  le16 checksum;                    // 30
  le32 block_bitmap_high;           // 32
  le32 inode_bitmap_high;           // 36
  le32 inode_table_high;            // 40
  le16 free_block_count_high;       // 44
  le16 free_inode_count_high;       // 46
  le16 folder_count_high;           // 48
  le16 unused_inode_count_high;     // 50
  le32 exclude_bitmap_high;         // 52
  le16 block_bitmap_checksum_high;  // 56
  le16 inode_bitmap_checksum_high;  // 58
  le32 reserved;                    // 60
};
static_assert(sizeof(GroupDescriptor) == 64 && alignof(GroupDescriptor) == 1);
constexpr uint16_t kInodeTableIsZeroed = 0x4;
constexpr uint32_t kMaxGroupItems = 8 * kBlockSize;  // blocks or inodes: the bits of a bitmap

struct Inode {
  le16 mode;               //   0: with S_IFMT
  le16 uid_low;            //   2
  le32 size_low;           //   4
  le32 atime;              //   8
  le32 ctime;              //  12
  le32 mtime;              //  16
  le32 dtime;              //  20
  le16 gid_low;            //  24
  le16 link_count;         //  26
  le32 sector_count;       //  28: of 512 bytes
  le32 flags;              //  32
  le32 version;            //  36
  uint8_t block[60];       //  40: the root of the extent tree, a short symlink, or a device
  le32 generation;         // 100
  le32 xattr_block_low;    // 104
  le32 size_high;          // 108
  le32 fragment;           // 112
  le16 sector_count_high;  // 116
  le16 xattr_block_high;   // 118
  le16 uid_high;           // 120
  le16 gid_high;           // 122
  le16 checksum_low;       // 124
  le16 reserved;           // 126
  // From here on only in inodes of more than 128 bytes, as far as extra_size says.
  le16 extra_size;     // 128: of this part
  le16 checksum_high;  // 130
  le32 ctime_extra;    // 132: 2 bits of the second, 30 of the nanosecond
  le32 mtime_extra;    // 136
  le32 atime_extra;    // 140
  le32 crtime;         // 144
  le32 crtime_extra;   // 148
  le32 version_high;   // 152
  le32 project;        // 156
};
static_assert(sizeof(Inode) == 160 && alignof(Inode) == 1);
constexpr size_t kOldInodeSize = 128;
constexpr size_t kExtraInodeSize32 = sizeof(Inode) - kOldInodeSize;
constexpr uint32_t kInodeIndexed = 0x1000;    // a directory with an index
constexpr uint32_t kInodeHugeFile = 0x40000;  // sector_count is in blocks
constexpr uint32_t kInodeExtents = 0x80000;
constexpr uint32_t kInodeValueInode = 0x200000;
constexpr uint32_t kInodeInline = 0x10000000;
constexpr uint32_t kInodeEncrypted = 0x800;
constexpr size_t kMaxShortTarget = sizeof(Inode::block) - 1;
constexpr uint32_t kMaxLinks = 65000;
/// Seconds that 34 bits hold.
constexpr int64_t kMinTime = INT32_MIN;
constexpr int64_t kMaxTime = (int64_t{1} << 34) + INT32_MIN - 1;

struct ExtentHeader {
  le16 magic;       //  0
  le16 count;       //  2: of Extents or ExtentIndexes behind this
  le16 capacity;    //  4
  le16 depth;       //  6: 0 in a leaf
  le32 generation;  //  8
};
struct Extent {
  le32 logical;     //  0: first block of the file
  le16 length;      //  4: blocks; above kMaxExtentLength: not written yet, reads as zeros
  le16 start_high;  //  6
  le32 start_low;   //  8
};
struct ExtentIndex {
  le32 logical;    //  0: first block of the file that it covers
  le32 leaf_low;   //  4: block of the next node
  le16 leaf_high;  //  8
  le16 unused;     // 10
};
static_assert(sizeof(ExtentHeader) == 12 && sizeof(Extent) == 12 && sizeof(ExtentIndex) == 12);
constexpr uint16_t kExtentMagic = 0xf30a;
constexpr uint32_t kMaxExtentLength = 32768;
constexpr uint32_t kMaxExtentDepth = 5;
constexpr size_t kRootExtents = sizeof(Inode::block) / sizeof(Extent) - 1;
/// A le32 checksum is behind the last.
constexpr size_t kBlockExtents = (kBlockSize - sizeof(ExtentHeader) - 4) / sizeof(Extent);

/// A block map: pointers to the first blocks of a file, to a block of pointers to more, to one of
/// pointers to such blocks, and to one of pointers to those. 0 is a hole.
constexpr size_t kDirectPointers = 12;
constexpr size_t kPointers = sizeof(Inode::block) / sizeof(le32);
static_assert(kPointers == kDirectPointers + 3);

/// The name follows.
struct DirectoryEntry {
  le32 inode;         // 0: 0 if there is none
  le16 record_size;   // 4: to the next one
  uint8_t name_size;  // 6
  uint8_t type;       // 7: NodeType
};
static_assert(sizeof(DirectoryEntry) == 8);
/// Of the entry that hides the checksum at the end of a block.
constexpr uint8_t kChecksumType = 0xde;
/// Looks like an entry without an inode.
struct DirectoryTail {
  le32 inode;         // 0
  le16 record_size;   // 4: 12
  uint8_t name_size;  // 6
  uint8_t type;       // 7: kChecksumType
  le32 checksum;      // 8
};
static_assert(sizeof(DirectoryTail) == 12);

/// Behind the entries `.` and `..` in the first block of an indexed directory.
struct IndexRoot {
  le32 reserved;         // 0
  uint8_t hash_version;  // 4
  uint8_t size;          // 5: 8
  uint8_t levels;        // 6: of nodes between this and the leaves
  uint8_t flags;         // 7
};
/// Lies where the hash of the first IndexEntry would be, which is 0.
struct IndexCounts {
  le16 limit;
  le16 count;
};
struct IndexEntry {
  le32 hash;
  le32 block;  // of the directory
};
/// Behind the last entry that there is room for.
struct IndexTail {
  le32 reserved;
  le32 checksum;
};
static_assert(sizeof(IndexRoot) == 8 && sizeof(IndexCounts) == 4 && sizeof(IndexEntry) == 8 &&
              sizeof(IndexTail) == 8);

struct XattrBlockHeader {
  le32 magic;            //  0
  le32 reference_count;  //  4
  le32 block_count;      //  8: 1
  le32 hash;             // 12
  le32 checksum;         // 16
  le32 reserved[3];      // 20
};
static_assert(sizeof(XattrBlockHeader) == 32);
/// The name follows, then the next entry at a multiple of 4; a le32 0 ends them. Values lie at the end.
struct XattrEntry {
  uint8_t name_size;  //  0
  uint8_t prefix;     //  1
  le16 value_offset;  //  2: from the block's start, or in an inode from the first entry
  le32 value_inode;   //  4: 0
  le32 value_size;    //  8
  le32 hash;          // 12: in blocks
};
static_assert(sizeof(XattrEntry) == 16);
constexpr uint32_t kXattrMagic = 0xea020000;
constexpr uint32_t kMaxXattrReferences = 1024;

/// A struct that lies in `bytes` at `offset`, to be filled in place.
template <class T>
T& struct_at(std::span<uint8_t> bytes, size_t offset) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  return *reinterpret_cast<T*>(bytes.subspan(offset, sizeof(T)).data());
}
template <class T>
const T& struct_at(ByteView bytes, size_t offset) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  return *reinterpret_cast<const T*>(bytes.subspan(offset, sizeof(T)).data());
}

inline uint32_t low32(uint64_t value) {
  return static_cast<uint32_t>(value);
}
inline uint32_t high32(uint64_t value) {
  return static_cast<uint32_t>(value >> 32);
}
inline uint16_t low16(uint64_t value) {
  return static_cast<uint16_t>(value);
}
inline uint64_t join32(uint32_t low, uint32_t high) {
  return low | uint64_t{high} << 32;
}
inline uint64_t blocks_of(uint64_t size_bytes) {
  return (size_bytes + kBlockSize - 1) / kBlockSize;
}

}  // namespace imagefmt::ext4
