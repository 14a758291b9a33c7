// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// Whether all of `bytes` are 0; so if there are none.
inline bool all_zero(ByteView bytes) {
  // Each equals the one before it, and the first is 0.
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace imagefmt
