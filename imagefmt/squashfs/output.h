// SPDX-License-Identifier: Apache-2.0
//
// The image as it grows, and the metadata streams that it ends in.
#pragma once

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/file.h"
#include "imagefmt/squashfs/codec.h"

namespace imagefmt::squashfs {

/// Appends to a file in large writes.
class Output {
 public:
  Output(File& file, uint64_t start) : file_(file), written_(start) { buffer_.reserve(kCapacity); }
  /// Where the next byte goes.
  uint64_t position() const { return written_ + buffer_.size(); }
  void append(ByteView bytes);
  void flush();

 private:
  static constexpr size_t kCapacity = 1 << 20;
  File& file_;
  uint64_t written_;
  Bytes buffer_;
};

/// A struct of format.h as its bytes.
template <class T>
ByteView bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

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
