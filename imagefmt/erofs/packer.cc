// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/packer.h"

#include <lz4.h>
#include <lz4hc.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "imagefmt/base/handle.h"

namespace imagefmt::erofs {

namespace {

/// Levels of liblz4.
constexpr int kFast = 1, kLowestHigh = 3, kHighest = LZ4HC_CLEVEL_MAX;

/// With inputs below 64 KiB liblz4 keeps places of 16 bits and twice as many of them.
constexpr size_t kShortInput = 65536;

const char* as_chars(ByteView bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* as_chars(std::span<uint8_t> bytes) {
  return reinterpret_cast<char*>(bytes.data());
}

/// Appends `packed` in whole blocks, at their end.
void append_blocks(ByteView packed, size_t from, PackedPart& part) {
  const size_t blocks = (packed.size() + kBlockSize - 1) / kBlockSize;
  part.blocks.resize(part.blocks.size() + blocks * kBlockSize - packed.size());
  append(part.blocks, packed);
  part.extents.push_back(Extent::packed(from, blocks));
}

/// Appends a block that holds the start of `bytes` as it is. Returns how much.
size_t append_plain(ByteView bytes, PackedPart& part) {
  const size_t size = std::min<size_t>(bytes.size(), kBlockSize);
  append(part.blocks, bytes.first(size));
  part.blocks.resize(part.blocks.size() + kBlockSize - size);
  part.extents.push_back(Extent::plain(size));
  return size;
}

/// Fills blocks: as many bytes into each as fit.
class Lz4Packer : public Packer {
 public:
  explicit Lz4Packer(int level) : level_(level) {
    if (level == kFast) return;
    high_.reset(LZ4_createStreamHC());
    if (!high_) throw std::bad_alloc();
  }

  PackedPart pack(ByteView bytes) override {
    PackedPart part;
    part.blocks.reserve(bytes.size() / 2 + kBlockSize);
    while (!bytes.empty()) {
      // What one block holds as it is gains nothing.
      Packed packed;
      if (bytes.size() > kBlockSize) packed = fill_block(bytes);
      if (packed.from > kBlockSize) {
        append_blocks(ByteView(block_).first(packed.to), packed.from, part);
      } else {
        packed.from = append_plain(bytes, part);
      }
      bytes = bytes.subspan(packed.from);
    }
    return part;
  }

 private:
  struct Packed {
    size_t from = 0, to = 0;  // sizes
  };

  Packed fill_block(ByteView bytes) {
    const Packed packed = fill_block_from(bytes.first(std::min(bytes.size(), kShortInput)));
    return packed.from < kShortInput || bytes.size() == kShortInput ? packed
                                                                    : fill_block_from(bytes);
  }
  Packed fill_block_from(ByteView bytes) {
    char* out = as_chars(std::span<uint8_t>(block_));
    int from = static_cast<int>(bytes.size());
    const int to = high_ ? LZ4_compress_HC_destSize(high_.get(), as_chars(bytes), out, &from,
                                                    kBlockSize, level_)
                         : LZ4_compress_destSize(as_chars(bytes), out, &from, kBlockSize);
    if (to <= 0) throw Error(fmt::format("cannot compress a block: liblz4 error {}", to));
    return {static_cast<size_t>(from), static_cast<size_t>(to)};
  }

  int level_;
  Handle<LZ4_streamHC_t, LZ4_freeStreamHC> high_;
  std::array<uint8_t, kBlockSize> block_;
};

/// Packs as much at a time as the largest extent holds, into as many blocks as it takes: zstd cannot
/// be asked to fill a block.
class ZstdPacker : public Packer {
 public:
  explicit ZstdPacker(int level) : level_(level), zstd_(ZSTD_createCCtx()) {
    if (!zstd_) throw std::bad_alloc();
  }

  PackedPart pack(ByteView bytes) override {
    PackedPart part;
    part.blocks.reserve(bytes.size() / 2 + kBlockSize);
    while (!bytes.empty()) {
      ByteView piece = bytes.first(std::min<size_t>(bytes.size(), size_t{1} << kMaxExtentLog));
      bytes = bytes.subspan(piece.size());
      if (const size_t size = pack_piece(piece)) {
        append_blocks(ByteView(packed_).first(size), piece.size(), part);
      } else {
        while (!piece.empty()) piece = piece.subspan(append_plain(piece, part));
      }
    }
    return part;
  }

 private:
  /// The size of what is in packed_, or 0 if it takes no block less than `piece` does.
  size_t pack_piece(ByteView piece) {
    const size_t room = (piece.size() - 1) / kBlockSize * kBlockSize;
    if (room == 0) return 0;
    const size_t size =
        ZSTD_compressCCtx(zstd_.get(), packed_.data(), room, piece.data(), piece.size(), level_);
    if (!ZSTD_isError(size)) return size;
    if (ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall) return 0;
    throw Error(fmt::format("cannot compress a block: {}", ZSTD_getErrorName(size)));
  }

  int level_;
  Handle<ZSTD_CCtx, ZSTD_freeCCtx> zstd_;
  std::array<uint8_t, 1 << kMaxExtentLog> packed_;
};

void unpack_lz4(ByteView packed, std::span<uint8_t> out, bool may_hold_more) {
  const int in_size = static_cast<int>(packed.size()), out_size = static_cast<int>(out.size());
  const int found = may_hold_more
                        ? LZ4_decompress_safe_partial(as_chars(packed), as_chars(out), in_size,
                                                      out_size, out_size)
                        : LZ4_decompress_safe(as_chars(packed), as_chars(out), in_size, out_size);
  if (found < 0) throw Error("corrupt compressed data");
  if (found != out_size) {
    throw Error(fmt::format("it unfolds to {} bytes, expected {}", found, out_size));
  }
}

void unpack_zstd(ByteView packed, std::span<uint8_t> out) {
  const size_t found = ZSTD_decompress(out.data(), out.size(), packed.data(), packed.size());
  if (ZSTD_isError(found)) throw Error("corrupt compressed data");
  if (found != out.size()) {
    throw Error(fmt::format("it unfolds to {} bytes, expected {}", found, out.size()));
  }
}

int checked_lz4_level(int level) {
  if (level != kFast && (level < kLowestHigh || level > kHighest)) {
    throw Error(fmt::format("cannot use level {} with lz4: expected {} (fast) or {} to {} (high)",
                            level, kFast, kLowestHigh, kHighest));
  }
  return level;
}

int checked_zstd_level(int level) {
  if (level < 1 || level > ZSTD_maxCLevel()) {
    throw Error(
        fmt::format("cannot use level {} with zstd: expected 1 to {}", level, ZSTD_maxCLevel()));
  }
  return level;
}

}  // namespace

int checked_level(Compression compression, std::optional<int> level) {
  switch (compression) {
    case Compression::kNone:
      if (level) throw Error(fmt::format("cannot use level {} without compression", *level));
      return 0;
    case Compression::kLz4:
      return checked_lz4_level(level.value_or(kFast));
    case Compression::kZstd:
      return checked_zstd_level(level.value_or(ZSTD_CLEVEL_DEFAULT));
    default:
      throw Error(fmt::format("cannot compress an erofs image with {}: expected lz4, zstd or none",
                              name_of(compression)));
  }
}

Algorithm algorithm_of(Compression compression) {
  return compression == Compression::kZstd ? kZstd : kLz4;
}

std::unique_ptr<Packer> make_packer(Algorithm algorithm, int level) {
  if (algorithm == kZstd) return std::make_unique<ZstdPacker>(level);
  return std::make_unique<Lz4Packer>(level);
}

void unpack(Algorithm algorithm, ByteView packed, std::span<uint8_t> out, bool may_hold_more) {
  if (algorithm == kZstd) return unpack_zstd(packed, out);
  unpack_lz4(packed, out, may_hold_more);
}

}  // namespace imagefmt::erofs
