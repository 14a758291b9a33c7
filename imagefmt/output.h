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

/// Appends to a file in large writes. The disk writes while more is appended, and the kernel keeps
/// nothing in memory that is on the disk: an image does not push out what it is made from, and its
/// memory is used again while it is warm.
class Output {
 public:
  Output(File& file, uint64_t start)
      : file_(file), written_(start), syncing_(start), cached_(start) {
    buffer_.reserve(kCapacity);
  }
  /// Where the next byte goes.
  uint64_t position() const { return written_ + buffer_.size(); }
  void append(ByteView bytes);
  void flush();

 private:
  static constexpr size_t kCapacity = 1 << 20;
  static constexpr uint64_t kSyncBytes = 8 << 20;
  void write(ByteView bytes);

  File& file_;
  uint64_t written_;
  uint64_t syncing_, cached_;  // what lies before is on its way to the disk; is dropped
  Bytes buffer_;
};

/// Writes `content` to its planned place; holes of its source are left unwritten. `stage` advances by
/// its size.
void write_content(const Content& content, uint64_t offset, File& out, Stage& stage);

}  // namespace imagefmt
