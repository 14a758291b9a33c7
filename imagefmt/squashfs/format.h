// SPDX-License-Identifier: Apache-2.0
//
// Squashfs 4.0 on disk, after the kernel's fs/squashfs/squashfs_fs.h. Little-endian.
//
//   superblock | compressor options | data and fragment blocks | inodes | directories |
//   fragments | ids | xattrs
//
// Everything behind the data is metadata: a stream cut into blocks of 8192 bytes, each compressed
// and preceded by a 16-bit header (size; bit 15: stored as it is). A reference to a place in such
// a stream is `start of the block on disk, relative to the table << 16 | offset in its bytes`.
// A table with random access ends in a list of its blocks' absolute positions.
#pragma once

#include <cstdint>

#include "imagefmt/base/endian.h"

namespace imagefmt::squashfs {

constexpr uint32_t kMagic = 0x73717368;  // "hsqs"
constexpr uint32_t kMetadataBlockSize = 8192;
constexpr uint32_t kMetadataStored = 0x8000;
constexpr uint32_t kMinBlockSize = 4096;
constexpr uint32_t kMaxBlockSize = 1 << 20;
/// In the size of a data or fragment block: its bytes are stored as they are.
constexpr uint32_t kBlockStored = 1 << 24;
constexpr uint32_t kBlockSizeMask = kBlockStored - 1;
constexpr uint32_t kNoFragment = 0xffffffff;
constexpr uint32_t kNoXattrs = 0xffffffff;
constexpr uint64_t kNoTable = ~uint64_t{0};
constexpr uint32_t kMaxIds = 65535;  // the count is a 16-bit field
constexpr uint32_t kImageAlignment = 4096;

enum CompressorId : uint16_t {
  kGzipId = 1,
  kLzmaId = 2,
  kLzoId = 3,
  kXzId = 4,
  kLz4Id = 5,
  kZstdId = 6
};

enum SuperblockFlag : uint16_t {
  kInodesStored = 0x0001,
  kDataStored = 0x0002,
  kFragmentsStored = 0x0008,
  kNoFragments = 0x0010,
  kAlwaysFragments = 0x0020,
  kDuplicatesShared = 0x0040,
  kXattrsStored = 0x0100,
  kNoXattrTable = 0x0200,
  kCompressorOptions = 0x0400,
  kIdsStored = 0x0800,
};

struct Superblock {
  le32 magic;            //  0
  le32 inode_count;      //  4
  le32 mtime;            //  8
  le32 block_size;       // 12
  le32 fragment_count;   // 16
  le16 compressor;       // 20
  le16 block_log;        // 22
  le16 flags;            // 24
  le16 id_count;         // 26
  le16 major, minor;     // 28: 4.0
  le64 root;             // 32: reference into the inode table
  le64 bytes_used;       // 40: without the padding
  le64 id_table;         // 48: the table's list of blocks; as with fragments
  le64 xattr_table;      // 56: an XattrTableHeader
  le64 inode_table;      // 64
  le64 directory_table;  // 72
  le64 fragment_table;   // 80
  le64 export_table;     // 88
};
static_assert(sizeof(Superblock) == 96);

/// Compressor options, where they are not the defaults. They stand behind the superblock as one
/// metadata block, stored as it is.
struct ZstdOptions {
  le32 level;
};
struct GzipOptions {
  le32 level;
  le16 window;
  le16 strategies;  // 0: zlib's default one
};
constexpr uint32_t kLz4Fast = 0, kLz4High = 1;
/// The kernel refuses an lz4 image without them.
struct Lz4Options {
  le32 version;  // 1: the legacy block format
  le32 flags;    // kLz4Fast or kLz4High
};
static_assert(sizeof(ZstdOptions) == 4 && sizeof(GzipOptions) == 8 && sizeof(Lz4Options) == 8);

/// The types of inodes; with `kExtended` added, the forms that hold xattrs and large sizes.
/// Directory entries name the basic type.
enum InodeType : uint16_t {
  kDirectory = 1,
  kRegular = 2,
  kSymlink = 3,
  kBlockDevice = 4,
  kCharacterDevice = 5,
  kFifo = 6,
  kSocket = 7,
};
constexpr uint16_t kExtended = 7;

struct InodeHeader {
  le16 type;       //  0
  le16 mode;       //  2: permission bits
  le16 uid_index;  //  4: into the id table
  le16 gid_index;  //  6
  le32 mtime;      //  8
  le32 number;     // 12: 1 to inode_count
};
static_assert(sizeof(InodeHeader) == 16);

struct DirectoryInode {
  le32 listing_block;  // the listing's place in the directory table
  le32 link_count;
  le16 listing_size;  // 3 more than the listing has, for '.' and '..'
  le16 listing_offset;
  le32 parent;  // number of the parent's inode
};
static_assert(sizeof(DirectoryInode) == 16);

struct ExtendedDirectoryInode {
  le32 link_count;
  le32 listing_size;
  le32 listing_block;
  le32 parent;
  le16 index_count;  // DirectoryIndex entries behind this
  le16 listing_offset;
  le32 xattrs;
};
static_assert(sizeof(ExtendedDirectoryInode) == 24);

/// Where a later header of a long listing lies; the name of its first entry follows.
struct DirectoryIndex {
  le32 position;   // in the listing
  le32 block;      // in the directory table
  le32 name_size;  // less one
};
static_assert(sizeof(DirectoryIndex) == 12);

/// The sizes of the file's blocks follow (le32 each, 0: a block of zeros).
struct RegularInode {
  le32 start;
  le32 fragment;
  le32 fragment_offset;
  le32 size;
};
static_assert(sizeof(RegularInode) == 16);

struct ExtendedRegularInode {
  le64 start;
  le64 size;
  le64 sparse_bytes;
  le32 link_count;
  le32 fragment;
  le32 fragment_offset;
  le32 xattrs;
};
static_assert(sizeof(ExtendedRegularInode) == 40);

/// The target follows, and in the extended form le32 xattrs.
struct SymlinkInode {
  le32 link_count;
  le32 target_size;
};
static_assert(sizeof(SymlinkInode) == 8);

/// In the extended form le32 xattrs follows.
struct DeviceInode {
  le32 link_count;
  le32 device;  // minor 0-7, major 8-19, minor 20-31
};
static_assert(sizeof(DeviceInode) == 8);

/// Up to 256 entries whose inodes lie in one metadata block.
struct ListingHeader {
  le32 count;        // less one
  le32 inode_block;  // in the inode table
  le32 base_number;
};
static_assert(sizeof(ListingHeader) == 12);
constexpr uint32_t kMaxListingRun = 256;

/// The name follows.
struct ListingEntry {
  le16 inode_offset;
  le16 number_difference;  // signed, from base_number
  le16 type;
  le16 name_size;  // less one
};
static_assert(sizeof(ListingEntry) == 8);

struct FragmentEntry {
  le64 start;
  le32 size;  // as the size of a data block
  le32 unused;
};
static_assert(sizeof(FragmentEntry) == 16);

struct XattrTableHeader {
  le64 entries;  // position of the metadata that holds names and values
  le32 count;
  le32 unused;
};
static_assert(sizeof(XattrTableHeader) == 16);

/// One set of xattrs. An inode holds the index of its set.
struct XattrSet {
  le64 entries;  // reference
  le32 count;
  le32 size;
};
static_assert(sizeof(XattrSet) == 16);

/// The name without its prefix, a le32 size and the value follow.
struct XattrEntry {
  le16 type;  // the prefix, and kXattrOutOfLine: the value is a le64 reference to size and value
  le16 name_size;
};
static_assert(sizeof(XattrEntry) == 4);
constexpr uint16_t kXattrOutOfLine = 0x100;
constexpr uint16_t kXattrPrefixMask = 0xff;
constexpr const char* kXattrPrefixes[] = {"user.", "trusted.", "security."};
constexpr uint32_t kMaxXattrValue = 65536;  // the kernel's XATTR_SIZE_MAX
constexpr const char* kLabelXattr = "security.selinux";

}  // namespace imagefmt::squashfs
