// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/base/bytes.h"

namespace imagefmt::erofs {

/// CRC-32C as the kernel keeps it: from all ones, and not inverted in the end.
inline uint32_t checksum(ByteView bytes) {
  uint32_t sum = ~0u;
  for (uint8_t byte : bytes) {
    sum ^= byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78 : 0);
  }
  return sum;
}

}  // namespace imagefmt::erofs
