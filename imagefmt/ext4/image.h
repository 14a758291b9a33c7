// SPDX-License-Identifier: Apache-2.0
//
// Access to the parts of an image that nobody vouches for: every position and size is checked
// here, and what unfolds is counted.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "imagefmt/base/file.h"
#include "imagefmt/content.h"
#include "imagefmt/ext4/format.h"

namespace imagefmt::ext4 {

/// Blocks of a file from one on: where they lie, or that they are a hole.
struct Mapping {
  bool hole;
  uint64_t physical;
  uint64_t count;
};

/// From where on the blocks of a file are looked up.
struct MapRoot {
  explicit MapRoot(const Inode& inode);

  std::array<uint8_t, sizeof(Inode::block)> bytes;
  bool has_extents;  // else a block map
};

/// Safe for several threads, except read_inode() and charge().
class Image {
 public:
  /// Reads the superblock and the group descriptors.
  explicit Image(std::shared_ptr<const File> file);

  uint32_t block_size() const { return block_size_; }
  uint32_t inode_size() const { return inode_size_; }
  /// The bytes of an inode, good until the next call. Throws for one that is not in use.
  ByteView read_inode(uint32_t number);
  /// Reads bytes of a block.
  void read(uint64_t block, uint64_t offset, std::span<uint8_t> into) const;
  /// Looks for a block of the file with that root.
  Mapping map(const MapRoot& root, uint32_t logical) const;
  /// Reads bytes of that file; holes are zeros.
  void read_file(const MapRoot& root, uint64_t offset, std::span<uint8_t> into) const;

  /// Counts memory that the image makes its reader use; throws when it is out of proportion.
  void charge(uint64_t bytes);

  /// Runs `body` and says in any Error which image could not be read.
  template <class Body>
  decltype(auto) in_context(Body&& body) const {
    return with_context(context_, std::forward<Body>(body));
  }

 private:
  void read_superblock();
  void read_descriptors();
  uint64_t place_of_descriptors(uint64_t number, uint64_t per_block) const;
  Mapping map_by_extents(ByteView root, uint32_t logical) const;
  Mapping map_by_pointers(ByteView root, uint32_t logical) const;

  std::shared_ptr<const File> file_;
  std::string context_;
  Superblock superblock_;
  uint32_t block_size_ = 0, inode_size_ = 0;
  uint64_t block_count_ = 0, group_count_ = 0;
  uint64_t budget_ = 0, charged_ = 0;
  std::vector<uint64_t> inode_tables_;  // first blocks
  Bytes inodes_;                        // the block of inodes read last
  uint64_t inodes_block_ = 0;           // 0: none
};

/// The bytes of one regular file.
class FileSource : public ContentSource {
 public:
  FileSource(std::shared_ptr<const Image> image, const MapRoot& root)
      : image_(std::move(image)), root_(root) {}
  void read(uint64_t offset, std::span<uint8_t> into) const override;

 private:
  std::shared_ptr<const Image> image_;
  MapRoot root_;
};

}  // namespace imagefmt::ext4
