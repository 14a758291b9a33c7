// SPDX-License-Identifier: Apache-2.0
//
// Bytes that are read once, in order: what archives come from.
#pragma once

#include <algorithm>
#include <istream>
#include <memory>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/file.h"

namespace imagefmt {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// The next bytes, good until the next call; none at the end.
  virtual ByteView read() = 0;
  /// Goes on behind bytes that nobody asks for; behind how many.
  virtual uint64_t skip(uint64_t most) {
    (void)most;
    return 0;
  }

 protected:
  static constexpr size_t kStep = 1 << 18;
};

class FileByteStream : public ByteStream {
 public:
  explicit FileByteStream(std::shared_ptr<const File> file)
      : file_(std::move(file)), size_bytes_(file_->size_bytes()), buffer_(kStep) {}
  ByteView read() override {
    const size_t count = file_->read_some(offset_, buffer_);
    offset_ += count;
    return {buffer_.data(), count};
  }
  uint64_t skip(uint64_t most) override {
    const uint64_t skipped = std::min(most, size_bytes_ - std::min(size_bytes_, offset_));
    offset_ += skipped;
    return skipped;
  }

 private:
  std::shared_ptr<const File> file_;
  uint64_t size_bytes_, offset_ = 0;
  Bytes buffer_;
};

/// Of a pipe, say.
class StandardByteStream : public ByteStream {
 public:
  explicit StandardByteStream(std::istream& stream) : stream_(stream), buffer_(kStep) {}
  ByteView read() override {
    stream_.read(reinterpret_cast<char*>(buffer_.data()), kStep);
    if (stream_.bad()) throw Error("it cannot be read");
    return {buffer_.data(), static_cast<size_t>(stream_.gcount())};
  }

 private:
  std::istream& stream_;
  Bytes buffer_;
};

}  // namespace imagefmt
