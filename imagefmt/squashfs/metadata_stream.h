// SPDX-License-Identifier: Apache-2.0
//
// The metadata streams that an image ends in.
#pragma once

#include "imagefmt/output.h"
#include "imagefmt/squashfs/codec.h"

namespace imagefmt::squashfs {

/// One metadata stream, kept in memory until it is whole.
class MetadataStream {
 public:
  explicit MetadataStream(Compressor& compressor) : compressor_(compressor) {}
  /// The reference of the next byte: `block << 16 | offset`.
  uint64_t reference() const { return uint64_t{bytes_.size()} << 16 | block_.size(); }
  void append(ByteView bytes);
  /// Ends the last block. The stream's bytes on disk.
  const Bytes& finish();
  /// Where each block begins in them.
  const std::vector<uint64_t>& block_starts() const { return block_starts_; }

 private:
  void end_block();

  Compressor& compressor_;
  Bytes block_, bytes_;
  std::vector<uint64_t> block_starts_;
};

/// Appends `entries` as a table with random access. The position of its list of blocks.
uint64_t append_table(Output& out, Compressor& compressor, ByteView entries);

}  // namespace imagefmt::squashfs
