// SPDX-License-Identifier: Apache-2.0
//
// What compresses the parts of files, and back.
#pragma once

#include <memory>
#include <optional>

#include "imagefmt/compression.h"
#include "imagefmt/erofs/extents.h"

namespace imagefmt::erofs {

/// For one thread. What it makes of a part does not depend on those before.
class Packer {
 public:
  virtual ~Packer() = default;
  /// Packs a part of a file. A part that others follow is a multiple of 2^kMaxExtentLog bytes.
  virtual PackedPart pack(ByteView part) = 0;
};

/// `level`, or the compressor's default; throws
/// `cannot use level 30 with lz4: expected 1 (fast) or 3 to 12 (high)`, and for compressors that
/// the format or this library does not have.
int checked_level(Compression compression, std::optional<int> level);

/// The algorithm's number. REQUIRES: checked_level() knows the compressor, which is not kNone.
Algorithm algorithm_of(Compression compression);

std::unique_ptr<Packer> make_packer(Algorithm algorithm, int level);

/// Unfolds `packed` to exactly `out`; throws if it is corrupt or if it holds fewer bytes. With
/// `may_hold_more`, lz4 may hold more of them.
void unpack(Algorithm algorithm, ByteView packed, std::span<uint8_t> out, bool may_hold_more);

}  // namespace imagefmt::erofs
