// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "imagefmt/ext4/format.h"

namespace imagefmt::ext4 {

/// CRC-32C, continued from `sum`, as every checksum of ext4 is made: not inverted at either end.
uint32_t crc32c(uint32_t sum, ByteView bytes);

/// What a file system derives from its ids: with it each structure's checksum says whose it is.
struct Seeds {
  uint32_t checksum = 0;
  uint32_t hash[4] = {};

  /// Where the checksums of what belongs to an inode begin. Generations are 0.
  uint32_t of_inode(uint32_t number) const {
    return crc32c(crc32c(checksum, bytes_of(le32(number))), bytes_of(le32(0)));
  }
};

/// The hash that directories are indexed by (half MD4 of unsigned bytes); its lowest bit is 0.
struct NameHash {
  uint32_t major = 0, minor = 0;
};
NameHash hash_name(const Seeds& seeds, std::string_view name);

}  // namespace imagefmt::ext4
