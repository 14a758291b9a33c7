// SPDX-License-Identifier: Apache-2.0
//
// Bytes on their way into an image: one that grows from its start to its end, and one whose places
// are planned.
#pragma once

#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/content.h"

namespace imagefmt {

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

/// Writes `content` to its planned place; holes of its source are left unwritten. `stage` advances by
/// its size.
void write_content(const Content& content, uint64_t offset, File& out, Stage& stage);

}  // namespace imagefmt
