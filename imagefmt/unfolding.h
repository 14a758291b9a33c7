// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// Counts the memory that an image makes its reader use, so that a small image does not unfold
/// into a tree without bounds.
class Unfolding {
 public:
  /// What compresses best, a tree of empty files with names in a row, unfolds about twentyfold.
  explicit Unfolding(uint64_t image_bytes = 0)
      : image_bytes_(image_bytes), limit_((uint64_t{64} << 20) + 64 * image_bytes) {}

  uint64_t limit() const { return limit_; }
  /// Throws when it is out of proportion.
  void charge(uint64_t bytes) {
    charged_ += bytes;
    if (bytes <= limit_ && charged_ <= limit_) return;
    throw Error(fmt::format("its {} bytes unfold to a tree of more than {}", image_bytes_, limit_));
  }

 private:
  uint64_t image_bytes_, limit_, charged_ = 0;
};

}  // namespace imagefmt
