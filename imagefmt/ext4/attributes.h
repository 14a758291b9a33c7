// SPDX-License-Identifier: Apache-2.0
//
// Labels and other xattrs. A set that several inodes have is stored once for each 1024 of them,
// unless it fits into the inodes themselves, the label first.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "imagefmt/ext4/checksum.h"
#include "imagefmt/tree.h"

namespace imagefmt::ext4 {

constexpr uint32_t kNone = 0xffffffff;

/// What stands against storing the node's xattrs, label included, or empty.
std::string xattr_fault(const Node& node);

/// An xattr as it is stored.
struct StoredXattr {
  uint8_t prefix;    // an index that stands for the first part of the name
  std::string name;  // without that part
  std::string value;

  /// In the order in which a block must hold them.
  friend bool operator<(const StoredXattr& a, const StoredXattr& b);
  size_t entry_size() const;
  size_t value_size() const;  // padded
};

class AttributeSets {
 public:
  /// The number of the node's set, label included; kNone if it has none.
  uint32_t add(const Node& node);

  /// Splits each set for inodes of `inode_size` bytes. Until it is called again, the rest is about
  /// that size.
  void split(uint32_t inode_size);
  /// The blocks that all inodes added need.
  uint64_t block_count() const;

  /// What an inode of the set holds behind its fields, magic number included.
  const Bytes& inode_part(uint32_t set) const { return sets_[set].inode_part; }
  /// The number of the block for the next inode of that set, counted from 0; kNone if its xattrs
  /// fit into the inode. Each call takes a place, so that each inode asks once.
  uint32_t take_block(uint32_t set);
  /// The block of that number, as it lies at `position` (in blocks).
  void serialize_block(uint32_t number, uint64_t position, const Seeds& seeds,
                       std::span<uint8_t> into) const;
  /// How many blocks were taken.
  size_t taken_blocks() const { return blocks_.size(); }

 private:
  struct Set {
    std::vector<StoredXattr> xattrs;  // the label first
    uint64_t users = 0;
    Bytes inode_part;
    uint32_t block_part = kNone;
  };
  /// What several sets may have in common.
  struct BlockPart {
    Bytes bytes;
    uint64_t users = 0;
    uint32_t current_block = kNone;
  };
  struct Block {
    uint32_t part;
    uint32_t references;
  };

  std::vector<Set> sets_;
  std::unordered_map<std::string, uint32_t> numbers_;
  std::vector<BlockPart> parts_;
  std::vector<Block> blocks_;
};

/// The xattrs of an inode, as a reader finds them, under their full names.
struct FoundXattr {
  std::string name;
  std::string value;
};
/// Reads entries that begin at `entries` of `area`; their values' offsets count from `base` of it.
/// Throws for what does not lie inside of `area`.
std::vector<FoundXattr> parse_xattrs(ByteView area, size_t entries, size_t base);

}  // namespace imagefmt::ext4
