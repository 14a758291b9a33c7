// SPDX-License-Identifier: Apache-2.0
//
// What the index of an image says of its files, but for those that stand behind their inodes, in part
// or whole: these are short.
#pragma once

#include <vector>

#include "imagefmt/equal_files.h"
#include "imagefmt/erofs/extents.h"
#include "imagefmt/reference.h"

namespace imagefmt::erofs {

constexpr uint32_t kMaxPieceBytes = 1 << 20;

/// Stored bytes of a file, one piece behind the other from its first block on.
struct KnownPiece {
  le32 size;  // bytes, up to kMaxPieceBytes; of packed files whole blocks
  le64 checksum;
};
static_assert(sizeof(KnownPiece) == 12);

struct KnownExtent {
  le32 size;         // bytes of the file
  le16 block_count;  // 0: one block holds them as they are
};
static_assert(sizeof(KnownExtent) == 6);

struct KnownFile {
  ContentId id;       //  0
  le64 size;          // 16: bytes
  le64 before;        // 24: what stood before the index behind the inode that it was stored for
  le32 start;         // 32: block
  le32 first_extent;  // 36: in the list of extents
  le32 extent_count;  // 40: 0: the bytes are stored as they are
  le32 first_piece;   // 44: in the list of pieces
  le32 piece_count;   // 48
};
static_assert(sizeof(KnownFile) == 52);

class KnownFiles {
 public:
  /// `reference` outlives this. Throws BadReference for lists that no image has.
  explicit KnownFiles(const Reference& reference);

  const Reference& reference() const { return reference_; }
  /// Null unless the image holds this content, stored as it would be for an inode with `before`
  /// bytes before its index.
  const KnownFile* find(const Content& content, uint64_t before) const;
  KnownPlace place_of(const KnownFile& file) const { return file.start; }
  std::vector<Extent> extents_of(const KnownFile& file) const;
  std::span<const KnownPiece> pieces_of(const KnownFile& file) const {
    return pieces_.subspan(file.first_piece, file.piece_count);
  }

 private:
  void check(const KnownFile& file) const;

  const Reference& reference_;
  std::span<const KnownFile> files_;
  std::span<const KnownExtent> extents_;
  std::span<const KnownPiece> pieces_;
};

/// The lists of an index in the making.
class IndexLists {
 public:
  /// A file without an id yet, whose pieces lie one behind the other from `start` on, stored for an
  /// inode with `before` bytes before its index.
  KnownFile add(uint64_t size, uint64_t before, uint32_t start, const std::vector<Extent>& extents,
                const std::vector<KnownPiece>& pieces);
  /// `content`, if it has an id, is the file that add() gave.
  void name(const Content& content, KnownFile file);
  /// What KnownFiles is parsed from.
  Bytes serialize();

 private:
  std::vector<KnownFile> files_;
  std::vector<KnownExtent> extents_;
  std::vector<KnownPiece> pieces_;
};

}  // namespace imagefmt::erofs
