// SPDX-License-Identifier: Apache-2.0
//
// EROFS on disk, after the kernel's Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h.
// Little-endian, in blocks of 4096 bytes. Our writer lays an image out as
//
//   superblock | inodes but those of files | long listings | shared xattrs | (data | inodes)...
//
// An inode stands at 32 bytes times its number, its nid. Behind it follow its own xattrs and then
// what its layout wants: the inline end of its data, or the index of its compressed data.
//
// Compressed data is a row of extents, each unfolding from one block, or, with zstd, from a few
// that begin with zeros. The index has an entry for each 4096 bytes of the file, a cluster: it is
// the head of the one extent that begins in it, at an offset, or it lies within an extent that began
// before. Entries are packed by two or by sixteen.
#pragma once

#include <cstdint>

#include "imagefmt/base/endian.h"

namespace imagefmt::erofs {

constexpr uint32_t kMagic = 0xe0f5e1e2;
constexpr uint64_t kSuperblockOffset = 1024;
constexpr uint32_t kBlockSize = 4096;
constexpr uint32_t kBlockLog = 12;
constexpr uint32_t kSlotSize = 32;  // what nids count
/// The root's nid is a 16-bit field.
constexpr uint64_t kMaxRootNid = UINT16_MAX;

/// Features that a reader may ignore.
enum CompatFeature : uint32_t {
  kHasChecksum = 1,
  kHasMtimes = 2,
};
/// Features that a reader must know. Linux 5.10 knows the first one alone, 5.13 the second one,
/// 5.15 the third one.
enum IncompatFeature : uint32_t {
  kZeroPadding = 1,   // a compressed block ends with its data
  kBigClusters = 2,   // an extent unfolds from several blocks; the superblock names algorithms
  kChunkedFiles = 4,  // files may be tables of chunks
};

struct Superblock {
  le32 magic;               //   0
  le32 checksum;            //   4: CRC-32C of the rest of the block from here, with this as 0
  le32 compat_features;     //   8
  uint8_t block_log;        //  12
  uint8_t extension_slots;  //  13: of 16 bytes, behind this struct
  le16 root_nid;            //  14
  le64 inode_count;         //  16
  le64 build_time;          //  24: seconds; the time of compact inodes
  le32 build_time_nsec;     //  32
  le32 block_count;         //  36
  le32 inode_start;         //  40: block that nids count from
  le32 xattr_start;         //  44: block that the numbers of shared xattrs count from
  uint8_t uuid[16];         //  48
  char volume_name[16];     //  64: ends in a NUL
  le32 incompat_features;   //  80
  le16 algorithms;          //  84: with kBigClusters a bit each; else lz4's distance, 0: 65535
  le16 device_count;        //  86: besides this one
  le16 device_table;        //  88
  uint8_t listing_log;      //  90
  uint8_t unused[37];       //  91
};
static_assert(sizeof(Superblock) == 128);

/// What compresses; an extent names its own by its index. Linux knows zstd since 6.10.
enum Algorithm : uint8_t {
  kLz4 = 0,
  kZstd = 3,
};

/// Behind the superblock, where it names algorithms: the settings of each.
struct ZstdSettings {
  le16 size;           // 0: of the rest
  uint8_t format;      // 2: 0
  uint8_t window_log;  // 3: of the largest window, less kLeastWindowLog
  uint8_t unused[4];   // 4
};
static_assert(sizeof(ZstdSettings) == 8);
constexpr uint8_t kLeastWindowLog = 10;

/// How an inode's data lies.
enum Layout : uint16_t {
  kFlat = 0,          // in blocks that follow each other
  kFullIndex = 1,     // compressed, with an index of 8-byte entries
  kFlatInline = 2,    // as kFlat, but for the last part block, which stands behind the inode
  kCompactIndex = 3,  // compressed, with a packed index
  kChunks = 4,        // a table of chunks
};
/// Inode formats are `extended | layout << 1`.
constexpr uint16_t kExtended = 1;
constexpr uint16_t kLayoutShift = 1, kLayoutMask = 7, kFormatMask = 0xf;

/// What the field `start` of an inode is: the first block of flat data, the count of compressed
/// blocks, a device's number, or how chunks are counted.
struct CompactInode {
  le16 format;       //  0
  le16 xattr_count;  //  2: units of 4 bytes behind the XattrHeader, and one; 0: no xattrs
  le16 mode;         //  4: type and permission bits
  le16 link_count;   //  6
  le32 size;         //  8
  le32 unused;       // 12
  le32 start;        // 16
  le32 number;       // 20: for 32-bit stat
  le16 uid;          // 24
  le16 gid;          // 26
  le32 unused2;      // 28
};
static_assert(sizeof(CompactInode) == 32);

struct ExtendedInode {
  le16 format;          //  0
  le16 xattr_count;     //  2
  le16 mode;            //  4
  le16 unused;          //  6
  le64 size;            //  8
  le32 start;           // 16
  le32 number;          // 20
  le32 uid;             // 24
  le32 gid;             // 28
  le64 mtime;           // 32: seconds, signed
  le32 mtime_nsec;      // 40
  le32 link_count;      // 44
  uint8_t unused2[16];  // 48
};
static_assert(sizeof(ExtendedInode) == 64);

/// Before an inode's xattrs. The numbers of the shared ones follow (le32 each: units of 4 bytes
/// from the superblock's xattr_start), then those of its own.
struct XattrHeader {
  le32 unused;
  uint8_t shared_count;
  uint8_t unused2[7];
};
static_assert(sizeof(XattrHeader) == 12);

/// The name without its prefix and the value follow, and zeros to a multiple of 4 bytes.
struct XattrEntry {
  uint8_t name_size;
  uint8_t prefix;
  le16 value_size;
};
static_assert(sizeof(XattrEntry) == 4);
constexpr uint32_t kXattrUnit = 4;
constexpr uint32_t kMaxXattrValue = UINT16_MAX;
constexpr uint32_t kMaxXattrName = UINT8_MAX;
constexpr uint32_t kMaxSharedXattrs = UINT8_MAX;
/// What an inode's xattrs take at most.
constexpr uint64_t kMaxXattrBytes = sizeof(XattrHeader) + uint64_t{UINT16_MAX - 1} * kXattrUnit;
struct XattrPrefix {
  uint8_t index;
  const char* text;  // the whole name, where nothing may follow
};
constexpr XattrPrefix kXattrPrefixes[] = {{1, "user."},
                                          {2, "system.posix_acl_access"},
                                          {3, "system.posix_acl_default"},
                                          {4, "trusted."},
                                          {6, "security."}};
constexpr const char* kLabelXattr = "security.selinux";

/// A listing is a row of blocks, each with its entries and then their names, all of them sorted.
/// The first name's offset tells how many entries there are; a name ends where the next begins, the
/// last one at a NUL or at the end of the block.
struct ListingEntry {
  le64 nid;
  le16 name_offset;  // in the block
  uint8_t type;      // NodeType
  uint8_t unused;
};
static_assert(sizeof(ListingEntry) == 12);

/// Before the index of compressed data, at a multiple of 8 bytes.
struct IndexHeader {
  le32 unused;
  le16 advice;
  uint8_t algorithms;    // those of heads of type kHead (4 bits) and kSecondHead
  uint8_t cluster_bits;  // 0: clusters of 4096 bytes
};
static_assert(sizeof(IndexHeader) == 8);
constexpr uint16_t kPackedBySixteen = 1;  // where 32 bytes are aligned; else by two
constexpr uint16_t kBigFirstHeads = 2, kBigSecondHeads = 4;

enum ClusterType : uint8_t {
  kPlain = 0,  // a head; its block holds the bytes as they are
  kHead = 1,
  kInside = 2,
  kSecondHead = 3,
};
/// An entry of an index: a type in 2 bits and a value in 12: a head's offset in the cluster, or how
/// many clusters lie between this one and its head. In the last entry of a pack the value of an
/// inside cluster is the distance to the next head.
constexpr uint32_t kEntryBits = kBlockLog, kEntryMask = kBlockSize - 1;
/// In the value of the first inside cluster of an extent: the rest is its count of blocks.
constexpr uint32_t kIsBlockCount = 1 << 11;

/// What a pack of entries takes; its last 4 bytes are the block of its first head, less one.
constexpr uint32_t kPairBytes = 8, kSixteenBytes = 32;

/// An entry of a full index. Of a head the two distances are the number of its block.
struct FullIndexEntry {
  le16 type;
  le16 offset;
  le16 to_head;
  le16 to_next_head;
};
static_assert(sizeof(FullIndexEntry) == 8);

/// What a block of lz4 can unfold to.
constexpr uint64_t kMaxLz4Unfolding = 255;

}  // namespace imagefmt::erofs
