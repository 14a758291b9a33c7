// SPDX-License-Identifier: Apache-2.0
//
// What the index of an image says of its files: where their blocks lie, but for holes.
#pragma once

#include <vector>

#include "imagefmt/equal_files.h"
#include "imagefmt/ext4/extents.h"
#include "imagefmt/reference.h"

namespace imagefmt::ext4 {

/// A file's data is written, and checked, in pieces of so many blocks.
constexpr uint32_t kPieceBlocks = 256;

struct KnownPiece {
  le32 logical;   //  0: its first block in the file
  le32 count;     //  4: blocks, up to kPieceBlocks
  le64 physical;  //  8: its first block in the file system
  le64 checksum;  // 16
};
static_assert(sizeof(KnownPiece) == 24);

struct KnownFile {
  ContentId id;      //  0
  le64 size;         // 16: bytes
  le32 first_piece;  // 24: in the list of pieces, in the order of the file
  le32 piece_count;  // 28
};
static_assert(sizeof(KnownFile) == 32);

class KnownFiles {
 public:
  /// `reference` outlives this. Throws BadReference for lists that no image has.
  explicit KnownFiles(const Reference& reference);

  const Reference& reference() const { return reference_; }
  /// Null if the image does not hold this content, or if it is empty.
  const KnownFile* find(const Content& content) const { return find_indexed(files_, content); }
  /// In an image whose equal files share their blocks.
  KnownPlace place_of(const KnownFile& file) const;
  /// What find_data() finds in the file.
  std::vector<Run> data_of(const KnownFile& file) const;
  /// Null if the file was written in other pieces.
  const KnownPiece* find_piece(const KnownFile& file, uint32_t logical, uint32_t count) const;

 private:
  std::span<const KnownPiece> pieces_of(const KnownFile& file) const {
    return pieces_.subspan(file.first_piece, file.piece_count);
  }
  void check(const KnownFile& file) const;

  const Reference& reference_;
  std::span<const KnownFile> files_;
  std::span<const KnownPiece> pieces_;
};

}  // namespace imagefmt::ext4
