// SPDX-License-Identifier: Apache-2.0
//
// What the index of an image says of its data: a file's blocks lie one behind the other, its end in a
// block that it shares with others.
#pragma once

#include "imagefmt/equal_files.h"
#include "imagefmt/reference.h"
#include "imagefmt/squashfs/format.h"

namespace imagefmt::squashfs {

/// What a fragment block holds.
struct FragmentContent {
  le32 size;      // bytes, of the ends together
  le64 checksum;  // of the block as it is stored
};
static_assert(sizeof(FragmentContent) == 12);

struct KnownFile {
  ContentId id;          //  0
  le64 size;             // 16: bytes
  le64 start;            // 24: position of the first block
  le64 first_block;      // 32: in the list of blocks
  le32 fragment;         // 40: kNoFragment if there is no end
  le32 fragment_offset;  // 44
};
static_assert(sizeof(KnownFile) == 48);

class KnownData {
 public:
  /// `reference` outlives this. Throws BadReference for lists that no image with blocks of
  /// `block_size` bytes has.
  KnownData(const Reference& reference, uint32_t block_size);

  const Reference& reference() const { return reference_; }
  /// Null if the image does not hold this content, or if it is empty.
  const KnownFile* find(const Content& content) const { return find_indexed(files_, content); }
  KnownPlace place_of(const KnownFile& file) const;
  /// The file's blocks: their sizes, as an inode lists them, and checksums.
  std::span<const le32> block_sizes(const KnownFile& file) const;
  std::span<const le64> block_checksums(const KnownFile& file) const;
  const FragmentEntry& fragment(uint32_t index) const { return fragments_[index]; }
  const FragmentContent& fragment_content(uint32_t index) const {
    return fragment_contents_[index];
  }

 private:
  void check(const KnownFile& file) const;
  void check_stored(uint32_t size) const;

  const Reference& reference_;
  uint32_t block_size_;
  std::span<const KnownFile> files_;
  std::span<const le32> block_sizes_;
  std::span<const le64> block_checksums_;
  std::span<const FragmentEntry> fragments_;
  std::span<const FragmentContent> fragment_contents_;
};

}  // namespace imagefmt::squashfs
