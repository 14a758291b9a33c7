// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/output.h"

#include <algorithm>
#include <utility>

namespace imagefmt {

void Output::append(ByteView bytes) {
  if (buffer_.size() + bytes.size() > kCapacity) flush();
  if (bytes.size() >= kCapacity) {
    write(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void Output::flush() {
  write(buffer_);
  buffer_.clear();
}

void Output::write(ByteView bytes) {
  file_.write(written_, bytes);
  written_ += bytes.size();
  if (written_ - syncing_ < kSyncBytes) return;
  file_.begin_sync(syncing_, written_ - syncing_);
  // The disk has the newest range to do while this waits for the one before.
  if (syncing_ > cached_) file_.drop_cached(cached_, syncing_ - cached_);
  cached_ = std::exchange(syncing_, written_);
}

void write_content(const Content& content, uint64_t offset, File& out, Stage& stage) {
  constexpr uint64_t kPartBytes = 1 << 20;
  std::unique_ptr<ContentReader> reader = content.open();
  Bytes part(static_cast<size_t>(std::min(content.size_bytes(), kPartBytes)));
  for (uint64_t left = content.size_bytes(); left != 0;) {
    uint64_t step = std::min(left, reader->hole_size());
    if (step != 0) {
      reader->skip(step);
    } else {
      step = std::min<uint64_t>(left, part.size());
      const std::span<uint8_t> bytes(part.data(), static_cast<size_t>(step));
      reader->read(bytes);
      out.write(offset, bytes);
    }
    offset += step;
    left -= step;
    stage.advance(step);
  }
  reader->finish();
}

}  // namespace imagefmt
