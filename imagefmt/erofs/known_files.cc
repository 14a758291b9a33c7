// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/known_files.h"

namespace imagefmt::erofs {

KnownFiles::KnownFiles(const Reference& reference) : reference_(reference) {
  blaming_reference([&] {
    Cursor lists(reference.lists(), "the index");
    files_ = take_list<KnownFile>(lists);
    extents_ = take_list<KnownExtent>(lists);
    pieces_ = take_list<KnownPiece>(lists);
    require_of_index(lists.remaining() == 0, "more than its lists");
    for (const KnownExtent& extent : extents_) {
      require_of_index(extent.size != 0 && extent.size <= Extent::kMaxSize &&
                           extent.block_count <= Extent::kMaxBlocks,
                       "an extent of no file");
    }
    check_sorted(files_);
    for (const KnownFile& file : files_) check(file);
  });
}

void KnownFiles::check(const KnownFile& file) const {
  require_of_index(file.size != 0, "an empty file");
  require_of_index(has_part(extents_, file.first_extent, file.extent_count) &&
                       has_part(pieces_, file.first_piece, file.piece_count),
                   "a file without its parts");
  const bool is_packed = file.extent_count != 0;
  uint64_t size = 0, blocks = 0, stored_size = 0;
  for (const Extent& extent : extents_of(file)) {
    size += extent.size();
    blocks += extent.block_count();
  }
  for (const KnownPiece& piece : pieces_of(file)) {
    require_of_index(piece.size <= kMaxPieceBytes && (!is_packed || piece.size % kBlockSize == 0),
                     "a piece of no file");
    stored_size += piece.size;
  }
  require_of_index(is_packed ? size == file.size && stored_size == blocks * kBlockSize
                             : stored_size == file.size,
                   "a file that is not whole");
}

const KnownFile* KnownFiles::find(const Content& content, uint64_t before) const {
  const KnownFile* file = find_indexed(files_, content);
  return file && file->before == before ? file : nullptr;
}

std::vector<Extent> KnownFiles::extents_of(const KnownFile& file) const {
  std::vector<Extent> extents;
  extents.reserve(file.extent_count);
  for (const KnownExtent& extent : extents_.subspan(file.first_extent, file.extent_count)) {
    extents.push_back(extent.block_count == 0 ? Extent::plain(extent.size)
                                              : Extent::packed(extent.size, extent.block_count));
  }
  return extents;
}

KnownFile IndexLists::add(uint64_t size, uint64_t before, uint32_t start,
                          const std::vector<Extent>& extents,
                          const std::vector<KnownPiece>& pieces) {
  const KnownFile file{.id = {},
                       .size = size,
                       .before = before,
                       .start = start,
                       .first_extent = static_cast<uint32_t>(extents_.size()),
                       .extent_count = static_cast<uint32_t>(extents.size()),
                       .first_piece = static_cast<uint32_t>(pieces_.size()),
                       .piece_count = static_cast<uint32_t>(pieces.size())};
  for (const Extent& extent : extents) {
    const uint32_t blocks = extent.is_plain() ? 0 : extent.block_count();
    extents_.push_back({extent.size(), static_cast<uint16_t>(blocks)});
  }
  pieces_.insert(pieces_.end(), pieces.begin(), pieces.end());
  return file;
}

void IndexLists::name(const Content& content, KnownFile file) {
  if (!content.id()) return;
  file.id = *content.id();
  files_.push_back(file);
}

Bytes IndexLists::serialize() {
  sort_indexed(files_);
  Bytes lists;
  append_list(lists, files_);
  append_list(lists, extents_);
  append_list(lists, pieces_);
  return lists;
}

}  // namespace imagefmt::erofs
