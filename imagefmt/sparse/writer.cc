// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "imagefmt/output.h"
#include "imagefmt/sparse/format.h"
#include "imagefmt/sparse/sparse.h"

namespace imagefmt {

using namespace sparse;
using Kind = SparseChunk::Kind;

namespace {

constexpr size_t kBufferSize = 1 << 20;

/// The one value that all words of a block have, or nothing.
std::optional<uint32_t> find_fill(ByteView block) {
  // Each word equals the one before it.
  if (std::memcmp(block.data(), block.data() + 4, block.size() - 4) != 0) return {};
  return Cursor(block, "block").take_struct<le32>();
}

bool is_more_of(const SparseChunk& last, const SparseChunk& next, uint64_t max_raw_blocks) {
  if (last.kind != next.kind || last.value != next.value) return false;
  return last.kind != Kind::kRaw || last.blocks < max_raw_blocks;
}

uint64_t bytes_of_chunk(const SparseChunk& chunk, uint32_t block_size) {
  switch (chunk.kind) {
    case Kind::kRaw:
      return sizeof(ChunkHeader) + uint64_t{chunk.blocks} * block_size;
    case Kind::kDontCare:
      return sizeof(ChunkHeader);
    default:
      return sizeof(ChunkHeader) + sizeof(le32);
  }
}

/// Copies a chunk's bytes; those that a short last block lacks are zero.
void copy_raw(const File& raw, uint64_t offset, uint64_t size_bytes, Output& output) {
  Bytes buffer(std::min<uint64_t>(size_bytes, kBufferSize));
  for (uint64_t left = size_bytes; left != 0;) {
    const std::span<uint8_t> part(buffer.data(), std::min<uint64_t>(left, buffer.size()));
    const size_t found = raw.read_some(offset, part);
    std::fill(part.begin() + static_cast<ptrdiff_t>(found), part.end(), uint8_t{0});
    output.append(part);
    offset += part.size();
    left -= part.size();
  }
}

/// The pieces of an image, each closed when nothing more fits.
class Splitter {
 public:
  Splitter(const SparseImage& whole, uint64_t max_size_bytes)
      : whole_(whole), max_(max_size_bytes) {
    const uint64_t least = kFixed + sizeof(ChunkHeader) + whole.block_size;
    if (max_ < least) {
      throw UsageError(
          fmt::format("a sparse image of at most {} bytes cannot hold a block of {}: it "
                      "takes {}",
                      max_, whole.block_size, least));
    }
    begin();
  }

  void add(SparseChunk chunk) {
    while (chunk.kind == Kind::kRaw && !fits(chunk)) {
      const uint64_t left = max_ - size_;
      const uint64_t room =
          left <= sizeof(ChunkHeader) ? 0 : (left - sizeof(ChunkHeader)) / whole_.block_size;
      if (room != 0) {
        SparseChunk first = chunk;
        first.blocks = static_cast<uint32_t>(room);
        append(first);
        chunk.offset += room * whole_.block_size;
        chunk.blocks -= first.blocks;
      }
      end();
      begin();
    }
    if (!fits(chunk)) {
      end();
      begin();
    }
    append(chunk);
  }

  std::vector<SparseImage> finish() {
    if (writes_ || pieces_.empty()) end();
    return std::move(pieces_);
  }

 private:
  /// A header, and don't-care before and after what a piece writes.
  static constexpr uint64_t kFixed = sizeof(Header) + 2 * sizeof(ChunkHeader);

  bool fits(const SparseChunk& chunk) const {
    return chunk.kind == Kind::kDontCare ||
           bytes_of_chunk(chunk, whole_.block_size) <= max_ - size_;
  }
  void begin() {
    piece_ = {.block_size = whole_.block_size,
              .total_blocks = whole_.total_blocks,
              .checksum = 0,
              .chunks = {}};
    size_ = kFixed;
    writes_ = false;
    skip(done_);
  }
  void end() {
    skip(whole_.total_blocks - done_);
    pieces_.push_back(std::move(piece_));
  }
  void skip(uint32_t blocks) {
    if (blocks == 0) return;
    std::vector<SparseChunk>& chunks = piece_.chunks;
    if (!chunks.empty() && chunks.back().kind == Kind::kDontCare) {
      chunks.back().blocks += blocks;
    } else {
      chunks.push_back({Kind::kDontCare, blocks});
    }
  }
  void append(const SparseChunk& chunk) {
    done_ += chunk.blocks;
    if (chunk.kind == Kind::kDontCare) {
      // Its header is paid for where it is the first or last of the piece, and counted else.
      skip(chunk.blocks);
      size_ += std::min<uint64_t>(sizeof(ChunkHeader), max_ - size_);
      return;
    }
    piece_.chunks.push_back(chunk);
    size_ += bytes_of_chunk(chunk, whole_.block_size);
    writes_ = true;
  }

  const SparseImage& whole_;
  const uint64_t max_;
  std::vector<SparseImage> pieces_;
  SparseImage piece_;
  uint64_t size_ = 0;    // of piece_
  uint32_t done_ = 0;    // blocks
  bool writes_ = false;  // piece_
};

}  // namespace

SparseImage plan_sparse(const File& raw, const SparseOptions& options) {
  const uint32_t block_size = options.block_size;
  if (block_size == 0 || block_size % 4 != 0 || block_size > kMaxSparseBlockSize) {
    throw UsageError(
        fmt::format("block size {} of a sparse image, expected a multiple of 4 up to {}",
                    block_size, kMaxSparseBlockSize));
  }
  const uint64_t size_bytes = raw.size_bytes();
  const uint64_t total = size_bytes / block_size + (size_bytes % block_size != 0);
  if (total > UINT32_MAX) {
    throw Error(
        fmt::format("cannot make a sparse image of '{}': it has {} blocks, at most {} are "
                    "possible",
                    raw.name(), total, UINT32_MAX));
  }
  SparseImage image{block_size, static_cast<uint32_t>(total), 0, {}};
  const uint64_t max_raw_blocks = std::max<uint64_t>(1, kMaxRawBytes / block_size);
  Bytes buffer(std::max<size_t>(1, kBufferSize / block_size) * block_size);
  for (uint64_t offset = 0; offset < size_bytes; offset += buffer.size()) {
    const size_t found = raw.read_some(offset, buffer);
    const size_t blocks = (found + block_size - 1) / block_size;
    std::fill(buffer.begin() + static_cast<ptrdiff_t>(found), buffer.end(), uint8_t{0});
    for (size_t i = 0; i < blocks; ++i) {
      const std::optional<uint32_t> fill =
          find_fill(ByteView(buffer).subspan(i * block_size, block_size));
      SparseChunk next{Kind::kRaw, 1, 0, offset + i * block_size};
      if (fill) next = {Kind::kFill, 1, *fill};
      if (fill == 0u && options.zero_blocks == ZeroBlocks::kDontCare) next = {Kind::kDontCare, 1};
      if (!image.chunks.empty() && is_more_of(image.chunks.back(), next, max_raw_blocks)) {
        ++image.chunks.back().blocks;
      } else {
        image.chunks.push_back(next);
      }
    }
  }
  return image;
}

uint64_t sparse_size_bytes(const SparseImage& image) {
  uint64_t size = sizeof(Header);
  for (const SparseChunk& chunk : image.chunks) size += bytes_of_chunk(chunk, image.block_size);
  return size;
}

std::vector<SparseImage> split_sparse(const SparseImage& image, uint64_t max_size_bytes) {
  Splitter splitter(image, max_size_bytes);
  for (const SparseChunk& chunk : image.chunks) splitter.add(chunk);
  return splitter.finish();
}

void write_sparse(const SparseImage& image, const File& raw, File& out) {
  Output output(out, 0);
  output.append(bytes_of(Header{kMagic, kMajorVersion, 0, sizeof(Header), sizeof(ChunkHeader),
                                image.block_size, image.total_blocks,
                                static_cast<uint32_t>(image.chunks.size()), image.checksum}));
  for (const SparseChunk& chunk : image.chunks) {
    const uint64_t size = bytes_of_chunk(chunk, image.block_size);
    output.append(bytes_of(ChunkHeader{static_cast<uint16_t>(chunk.kind), 0, chunk.blocks,
                                       static_cast<uint32_t>(size)}));
    if (chunk.kind == Kind::kRaw) {
      copy_raw(raw, chunk.offset, size - sizeof(ChunkHeader), output);
    } else if (chunk.kind != Kind::kDontCare) {
      output.append(bytes_of(le32(chunk.value)));
    }
  }
  output.flush();
}

}  // namespace imagefmt
