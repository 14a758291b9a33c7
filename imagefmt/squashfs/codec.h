// SPDX-License-Identifier: Apache-2.0
//
// One block in, one block out, by the compressor that an image names.
#pragma once

#include <memory>
#include <optional>

#include "imagefmt/base/bytes.h"
#include "imagefmt/compression.h"
#include "imagefmt/squashfs/format.h"

namespace imagefmt::squashfs {

/// The compressor's number in the superblock. Images without compression name gzip, which is the
/// one that kernels have if they have any.
CompressorId compressor_id(Compression compression);

/// `level`, or the compressor's default; throws
/// `cannot use level 30 with zstd: expected 1 to 22`.
int checked_level(Compression compression, std::optional<int> level);

/// The compressor options as they stand behind the superblock; empty where the defaults hold and
/// the kernel needs none.
Bytes serialize_options(Compression compression, int level);

/// For one thread. What it makes of a block does not depend on the blocks before.
class Compressor {
 public:
  Compressor(Compression compression, int level, uint32_t block_size);
  Compressor(Compressor&&) noexcept;
  ~Compressor();
  /// The size of what was put into `out`, or 0 if that would not be smaller than `block`; `out`
  /// has room for `block`.
  size_t compress(ByteView block, std::span<uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// For one thread.
class Decompressor {
 public:
  /// Throws `compressor 3 (lzo) is not supported`.
  Decompressor(uint16_t id, uint32_t block_size);
  Decompressor(Decompressor&&) noexcept;
  ~Decompressor();
  /// The number of bytes that `block` unfolds to; throws if it is corrupt or if they are more than
  /// `out` holds.
  size_t decompress(ByteView block, std::span<uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imagefmt::squashfs
