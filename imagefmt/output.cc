// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/output.h"

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

}  // namespace imagefmt
