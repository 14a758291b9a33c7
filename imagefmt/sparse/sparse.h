// SPDX-License-Identifier: Apache-2.0
//
// Android's sparse images, which fastboot sends to a device: an image of blocks as a row of chunks.
// After AOSP's libsparse/sparse_format.h (repository system/core), version 1.0.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "imagefmt/base/file.h"

namespace imagefmt {

struct SparseChunk {
  enum class Kind : uint16_t {
    kRaw = 0xcac1,       // the blocks' bytes
    kFill = 0xcac2,      // blocks of one value of four bytes
    kDontCare = 0xcac3,  // blocks that keep what the device has there
    kCrc32 = 0xcac4,     // no blocks: the sum of all before it, don't-care counting as 0
  };
  Kind kind = Kind::kDontCare;
  uint32_t blocks = 0;
  uint32_t value = 0;   // of kFill, as the bytes stand in little-endian order, and of kCrc32
  uint64_t offset = 0;  // of kRaw, in the file that the image was planned or read from

  friend bool operator==(const SparseChunk&, const SparseChunk&) = default;
};

struct SparseImage {
  uint32_t block_size = 4096;
  uint32_t total_blocks = 0;
  uint32_t checksum = 0;  // CRC-32 of the whole image; 0: none
  std::vector<SparseChunk> chunks;

  friend bool operator==(const SparseImage&, const SparseImage&) = default;
};

/// What becomes of blocks that are zero.
enum class ZeroBlocks {
  kFill,      // written as zeros: for what is hashed (dm-verity, AVB), and for file systems
  kDontCare,  // not written: for a partition that was erased and reads as zeros
};

struct SparseOptions {
  uint32_t block_size = 4096;  // a multiple of 4, up to kMaxSparseBlockSize
  ZeroBlocks zero_blocks = ZeroBlocks::kFill;
};
constexpr uint32_t kMaxSparseBlockSize = 1 << 20;

/// Reads `raw` and finds what its blocks are; a last block that is cut short is filled with zeros.
/// Throws UsageError for a block size that the format cannot have.
SparseImage plan_sparse(const File& raw, const SparseOptions& options);

/// How many bytes write_sparse() writes.
uint64_t sparse_size_bytes(const SparseImage& image);

/// The image as several, each of at most `max_size_bytes` and with don't-care where others write.
/// Throws UsageError if a block does not fit. REQUIRES: plan_sparse() made it.
std::vector<SparseImage> split_sparse(const SparseImage& image, uint64_t max_size_bytes);

/// Writes the sparse image to `out`, from its start. `raw`: what it was planned from.
void write_sparse(const SparseImage& image, const File& raw, File& out);

/// The chunks of a sparse image, their order and sizes checked. What follows the last is ignored.
/// Throws `cannot read sparse image '<name>': …`.
SparseImage read_sparse(const File& file);

/// One of the sparse images that make up one raw image together.
struct SparsePiece {
  const File* file;
  SparseImage image;  // read_sparse(*file)
};

/// Writes the raw image that the pieces make to `out`, which is empty. Don't-care becomes holes. Sums are
/// checked. Throws if pieces differ in size or write the same block, or if the image has more than
/// `limit_bytes`.
void unfold_sparse(std::span<const SparsePiece> pieces, File& out, uint64_t limit_bytes);

}  // namespace imagefmt
