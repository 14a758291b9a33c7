// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// Counts the memory that an image or archive makes its reader use, so that a small one does not
/// unfold into a tree without bounds.
class Unfolding {
 public:
  /// What compresses best, a tree of empty files with names in a row, unfolds about twentyfold.
  explicit Unfolding(uint64_t image_bytes = 0) { set_image_bytes(image_bytes); }

  /// Of what grows while it is read.
  void set_image_bytes(uint64_t image_bytes) {
    image_bytes_ = image_bytes;
    limit_ = (uint64_t{64} << 20) + 64 * image_bytes;
  }

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
