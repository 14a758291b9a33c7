// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/spool.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "imagefmt/base/zeros.h"

namespace imagefmt {

namespace {

constexpr size_t kCapacity = 1 << 20;

class PiecesSource : public ContentSource {
 public:
  PiecesSource(DataFile data, std::vector<Piece> pieces, uint64_t size_bytes)
      : data_(std::move(data)), pieces_(std::move(pieces)), size_bytes_(size_bytes) {
    pieces_.shrink_to_fit();
  }

  void read(uint64_t offset, std::span<uint8_t> into) const override {
    if (data_.mtime) check_unchanged();
    for (auto piece = piece_at(offset); !into.empty(); ++piece) {
      const uint64_t zeros = std::min<uint64_t>(into.size(), start_of(piece, offset) - offset);
      std::fill_n(into.begin(), zeros, uint8_t{0});
      into = into.subspan(zeros);
      offset += zeros;
      if (into.empty()) return;
      const uint64_t skip = offset - piece->offset;
      const std::span<uint8_t> part = into.first(std::min(into.size(), piece->size - skip));
      if (data_.file->read_some(piece->place + skip, part) != part.size()) throw_changed();
      into = into.subspan(part.size());
      offset += part.size();
    }
  }

  uint64_t hole_size(uint64_t offset) const override {
    const auto piece = piece_at(offset);
    if (const uint64_t start = start_of(piece, offset); start != offset) return start - offset;
    if (piece == pieces_.end()) return 0;
    const uint64_t skip = offset - piece->offset;
    const uint64_t place = piece->place + skip;
    const off_t found = lseek(data_.file->fd(), static_cast<off_t>(place), SEEK_DATA);
    if (found < 0) return errno == ENXIO ? piece->size - skip : 0;
    return std::min(static_cast<uint64_t>(found) - place, piece->size - skip);
  }

 private:
  using Pieces = std::vector<Piece>;
  /// The first piece that ends behind `offset`.
  Pieces::const_iterator piece_at(uint64_t offset) const {
    return std::partition_point(pieces_.begin(), pieces_.end(), [&](const Piece& piece) {
      return piece.offset + piece.size <= offset;
    });
  }
  /// Where the zeros at `offset` end.
  uint64_t start_of(Pieces::const_iterator piece, uint64_t offset) const {
    return piece == pieces_.end() ? size_bytes_ : std::max(piece->offset, offset);
  }
  void check_unchanged() const {
    const timespec now = data_.file->status().st_mtim;
    if (now.tv_sec != data_.mtime->tv_sec || now.tv_nsec != data_.mtime->tv_nsec) throw_changed();
  }
  [[noreturn]] void throw_changed() const {
    throw Error(fmt::format("cannot read '{}': it changed while being read", data_.file->name()));
  }

  DataFile data_;
  Pieces pieces_;
  uint64_t size_bytes_;
};

}  // namespace

Content content_in_pieces(DataFile data, std::vector<Piece> pieces, uint64_t size_bytes) {
  return Content::from_source(
      std::make_shared<const PiecesSource>(std::move(data), std::move(pieces), size_bytes),
      size_bytes);
}

Spool::Spool(const std::string& folder)
    : file_(std::make_shared<File>(File::create_unnamed(folder))) {
  buffer_.reserve(kCapacity);
}

uint64_t Spool::append(ByteView bytes) {
  const uint64_t place = written_ + buffer_.size();
  while (!bytes.empty()) {
    const ByteView part = bytes.first(std::min(bytes.size(), kCapacity - buffer_.size()));
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (buffer_.size() == kCapacity) flush();
  }
  return place;
}

void Spool::flush() {
  if (all_zero(buffer_)) {
    file_->resize(written_ + buffer_.size());
  } else {
    file_->write(written_, buffer_);
  }
  written_ += buffer_.size();
  buffer_.clear();
}

}  // namespace imagefmt
