// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "imagefmt/base/crc32.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/sparse/format.h"
#include "imagefmt/sparse/sparse.h"

namespace imagefmt {

using namespace sparse;
using Kind = SparseChunk::Kind;

namespace {

constexpr size_t kBufferSize = 1 << 20;

Header read_header(const File& file) {
  const Header header = file.read_struct<Header>(0);
  if (header.magic != kMagic) {
    throw Error(
        fmt::format("its magic is {:#010x}, expected {:#010x}", uint32_t{header.magic}, kMagic));
  }
  if (header.major_version != kMajorVersion) {
    throw Error(fmt::format("its version is {}.{}, expected {}.x", uint16_t{header.major_version},
                            uint16_t{header.minor_version}, kMajorVersion));
  }
  if (header.header_size < sizeof(Header) || header.chunk_header_size < sizeof(ChunkHeader)) {
    throw Error(fmt::format("its headers have {} and {} bytes, expected {} and {} at least",
                            uint16_t{header.header_size}, uint16_t{header.chunk_header_size},
                            sizeof(Header), sizeof(ChunkHeader)));
  }
  const uint32_t block_size = header.block_size;
  if (block_size == 0 || block_size % 4 != 0 || block_size > kMaxSparseBlockSize) {
    throw Error(fmt::format("its block size is {}, expected a multiple of 4 up to {}", block_size,
                            kMaxSparseBlockSize));
  }
  return header;
}

/// What a chunk of that kind has behind its header.
uint64_t data_size(const ChunkHeader& chunk, uint32_t block_size) {
  switch (Kind{uint16_t{chunk.kind}}) {
    case Kind::kRaw:
      return uint64_t{chunk.blocks} * block_size;
    case Kind::kDontCare:
      return 0;
    case Kind::kFill:
    case Kind::kCrc32:
      return sizeof(le32);
  }
  throw Error(fmt::format("its kind is {:#06x}, expected 0xcac1 to 0xcac4", uint16_t{chunk.kind}));
}

SparseChunk read_chunk(const File& file, const Header& header, uint64_t& offset,
                       uint64_t file_size) {
  const auto chunk = file.read_struct<ChunkHeader>(offset);
  const uint64_t data = data_size(chunk, header.block_size);
  if (chunk.size != header.chunk_header_size + data) {
    throw Error(fmt::format("its size is {}, expected {}", uint32_t{chunk.size},
                            header.chunk_header_size + data));
  }
  SparseChunk result{Kind{uint16_t{chunk.kind}}, chunk.blocks};
  if (result.kind == Kind::kCrc32 && result.blocks != 0) {
    throw Error(fmt::format("a checksum of {} blocks, expected 0", result.blocks));
  }
  const uint64_t start = offset + header.chunk_header_size;
  if (start > file_size || data > file_size - start) {
    throw Error(
        fmt::format("{} bytes at offset {} reach beyond the file's {}", data, start, file_size));
  }
  if (result.kind == Kind::kRaw) {
    result.offset = start;
  } else if (data != 0) {
    result.value = file.read_struct<le32>(start);
  }
  offset = start + data;
  return result;
}

/// Where pieces write; no two may write the same block.
class Written {
 public:
  void add(uint32_t start, uint32_t blocks) { ranges_.push_back({start, blocks}); }
  void check() {
    std::sort(ranges_.begin(), ranges_.end(), [](auto& a, auto& b) { return a.start < b.start; });
    for (size_t i = 1; i < ranges_.size(); ++i) {
      if (ranges_[i].start < uint64_t{ranges_[i - 1].start} + ranges_[i - 1].blocks) {
        throw Error(fmt::format("cannot join the sparse images: two of them write block {}",
                                ranges_[i].start));
      }
    }
  }

 private:
  struct Range {
    uint32_t start, blocks;
  };
  std::vector<Range> ranges_;
};

void check_pieces(std::span<const SparsePiece> pieces, uint64_t limit_bytes) {
  Written written;
  const SparseImage& first = pieces.front().image;
  for (const SparsePiece& piece : pieces) {
    const SparseImage& image = piece.image;
    if (image.block_size != first.block_size || image.total_blocks != first.total_blocks) {
      throw Error(fmt::format(
          "cannot join the sparse images: '{}' has {} blocks of {} bytes, '{}' {} of {}",
          pieces.front().file->name(), first.total_blocks, first.block_size, piece.file->name(),
          image.total_blocks, image.block_size));
    }
    uint32_t block = 0;
    for (const SparseChunk& chunk : image.chunks) {
      if (chunk.kind == Kind::kRaw || chunk.kind == Kind::kFill) written.add(block, chunk.blocks);
      block += chunk.blocks;
    }
  }
  written.check();
  const uint64_t size_bytes = uint64_t{first.total_blocks} * first.block_size;
  if (size_bytes > limit_bytes) {
    throw Error(fmt::format("cannot unfold '{}': it holds {} bytes, expected at most {}",
                            pieces.front().file->name(), size_bytes, limit_bytes));
  }
}

/// Writes one piece, and sums it up if it carries sums.
class Unfolding {
 public:
  Unfolding(const SparsePiece& piece, File& out) : piece_(piece), out_(out), buffer_(kBufferSize) {
    const SparseImage& image = piece.image;
    sums_ = image.checksum != 0 ||
            std::any_of(image.chunks.begin(), image.chunks.end(),
                        [](const SparseChunk& chunk) { return chunk.kind == Kind::kCrc32; });
  }

  void run() {
    for (const SparseChunk& chunk : piece_.image.chunks) {
      if (chunk.kind == Kind::kCrc32) {
        check_sum(chunk.value);
      } else {
        unfold(chunk);
      }
    }
    if (piece_.image.checksum != 0) check_sum(piece_.image.checksum);
  }

 private:
  void unfold(const SparseChunk& chunk) {
    const uint64_t size_bytes = uint64_t{chunk.blocks} * piece_.image.block_size;
    const bool is_raw = chunk.kind == Kind::kRaw;
    const bool is_hole = !is_raw && chunk.value == 0;  // of `out`, which is empty
    if (!is_raw) fill_buffer(chunk.value, std::min<uint64_t>(size_bytes, buffer_.size()));
    for (uint64_t done = 0; done != size_bytes && !(is_hole && !sums_);) {
      const std::span<uint8_t> part(buffer_.data(),
                                    std::min<uint64_t>(size_bytes - done, buffer_.size()));
      if (is_raw) piece_.file->read_exactly(chunk.offset + done, part);
      if (!is_hole) out_.write(offset_ + done, part);
      if (sums_) sum_ = crc32(sum_, part);
      done += part.size();
    }
    offset_ += size_bytes;
  }
  void fill_buffer(uint32_t value, size_t size) {
    const le32 word = value;
    for (size_t i = 0; i < size; i += sizeof word) {
      std::memcpy(buffer_.data() + i, &word, sizeof word);
    }
  }
  void check_sum(uint32_t expected) const {
    if (sum_ != expected) {
      throw Error(
          fmt::format("cannot unfold '{}': the checksum up to byte {} is {:#010x}, expected "
                      "{:#010x}",
                      piece_.file->name(), offset_, sum_, expected));
    }
  }

  const SparsePiece& piece_;
  File& out_;
  Bytes buffer_;
  uint64_t offset_ = 0;  // in out_
  uint32_t sum_ = 0;
  bool sums_ = false;
};

}  // namespace

SparseImage read_sparse(const File& file) {
  return with_context(fmt::format("cannot read sparse image '{}'", file.name()), [&] {
    const Header header = read_header(file);
    SparseImage image{header.block_size, header.total_blocks, header.checksum, {}};
    const uint64_t file_size = file.size_bytes();
    uint64_t offset = header.header_size, blocks = 0;
    for (uint32_t i = 0; i < header.total_chunks; ++i) {
      image.chunks.push_back(with_context(
          fmt::format("chunk {}", i), [&] { return read_chunk(file, header, offset, file_size); }));
      blocks += image.chunks.back().blocks;
    }
    if (blocks != image.total_blocks) {
      throw Error(
          fmt::format("its chunks have {} blocks, expected {}", blocks, image.total_blocks));
    }
    return image;
  });
}

void unfold_sparse(std::span<const SparsePiece> pieces, File& out, uint64_t limit_bytes) {
  check_pieces(pieces, limit_bytes);
  const SparseImage& first = pieces.front().image;
  for (const SparsePiece& piece : pieces) Unfolding(piece, out).run();
  out.resize(uint64_t{first.total_blocks} * first.block_size);
}

}  // namespace imagefmt
