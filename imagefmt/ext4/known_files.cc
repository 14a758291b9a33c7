// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/known_files.h"

#include <algorithm>

namespace imagefmt::ext4 {

namespace {

constexpr KnownPlace kAllZeros = KnownPlace{1} << 63;

}  // namespace

KnownFiles::KnownFiles(const Reference& reference) : reference_(reference) {
  blaming_reference([&] {
    Cursor lists(reference.lists(), "the index");
    files_ = take_list<KnownFile>(lists);
    pieces_ = take_list<KnownPiece>(lists);
    require_of_index(lists.remaining() == 0, "more than its lists");
    for (const KnownPiece& piece : pieces_) {
      require_of_index(piece.count != 0 && piece.count <= kPieceBlocks &&
                           piece.physical < blocks_of(reference.size_bytes()),
                       "a piece that is in no image");
    }
    check_sorted(files_);
    for (const KnownFile& file : files_) check(file);
  });
}

void KnownFiles::check(const KnownFile& file) const {
  require_of_index(file.size != 0, "an empty file");
  require_of_index(has_part(pieces_, file.first_piece, file.piece_count),
                   "a file without its pieces");
  uint64_t next = 0;
  for (const KnownPiece& piece : pieces_of(file)) {
    require_of_index(piece.logical >= next, "a file whose pieces overlap");
    next = uint64_t{piece.logical} + piece.count;
  }
  require_of_index(next <= blocks_of(file.size), "a file with pieces behind its end");
}

KnownPlace KnownFiles::place_of(const KnownFile& file) const {
  return file.piece_count == 0 ? kAllZeros | file.size : KnownPlace{file.first_piece};
}

std::vector<Run> KnownFiles::data_of(const KnownFile& file) const {
  std::vector<Run> runs;
  for (const KnownPiece& piece : pieces_of(file)) {
    if (!runs.empty() && runs.back().logical + runs.back().count == piece.logical) {
      runs.back().count += piece.count;
    } else {
      runs.push_back({piece.logical, piece.count, 0});
    }
  }
  return runs;
}

const KnownPiece* KnownFiles::find_piece(const KnownFile& file, uint32_t logical,
                                         uint32_t count) const {
  const std::span<const KnownPiece> pieces = pieces_of(file);
  const auto found = std::ranges::lower_bound(
      pieces, logical, {}, [](const KnownPiece& piece) -> uint32_t { return piece.logical; });
  const bool same = found != pieces.end() && found->logical == logical && found->count == count;
  return same ? &*found : nullptr;
}

}  // namespace imagefmt::ext4
