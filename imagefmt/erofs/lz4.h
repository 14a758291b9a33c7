// SPDX-License-Identifier: Apache-2.0
//
// liblz4, as EROFS uses it: as many bytes into a block as fit, and back.
#pragma once

#include <memory>
#include <optional>

#include "imagefmt/base/bytes.h"
#include "imagefmt/compression.h"

namespace imagefmt::erofs {

/// `level`, or the compressor's default; throws
/// `cannot use level 30 with lz4: expected 1 (fast) or 3 to 12 (high)`, and for compressors that
/// the format or this library does not have.
int checked_level(Compression compression, std::optional<int> level);

/// For one thread. What it makes of bytes does not depend on those before.
class Lz4Packer {
 public:
  explicit Lz4Packer(int level);
  Lz4Packer(Lz4Packer&&) noexcept;
  ~Lz4Packer();

  struct Packed {
    size_t from, to;  // sizes
  };
  /// Packs the start of `bytes` into `out`: as much as fits.
  Packed pack(ByteView bytes, std::span<uint8_t> out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Unfolds `packed` to exactly `out`; throws if it is corrupt or if it holds fewer bytes. With
/// `may_hold_more`, it may hold more of them.
void unpack_lz4(ByteView packed, std::span<uint8_t> out, bool may_hold_more);

}  // namespace imagefmt::erofs
