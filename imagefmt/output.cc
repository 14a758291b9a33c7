// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/output.h"

namespace imagefmt {

void Output::append(ByteView bytes) {
  if (buffer_.size() + bytes.size() > kCapacity) flush();
  if (bytes.size() >= kCapacity) {
    file_.write(written_, bytes);
    written_ += bytes.size();
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void Output::flush() {
  file_.write(written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

}  // namespace imagefmt
