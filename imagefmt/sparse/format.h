// SPDX-License-Identifier: Apache-2.0
//
// Little-endian; a header, then chunks, each with a header of its own. Headers may grow: their sizes
// are in the first one.
#pragma once

#include <cstdint>

#include "imagefmt/base/endian.h"

namespace imagefmt::sparse {

constexpr uint32_t kMagic = 0xed26ff3a;
constexpr uint16_t kMajorVersion = 1;

struct Header {
  le32 magic;              //  0
  le16 major_version;      //  4
  le16 minor_version;      //  6
  le16 header_size;        //  8
  le16 chunk_header_size;  // 10
  le32 block_size;         // 12
  le32 total_blocks;       // 16
  le32 total_chunks;       // 20
  le32 checksum;           // 24
};
static_assert(sizeof(Header) == 28);

struct ChunkHeader {
  le16 kind;      // 0
  le16 reserved;  // 2
  le32 blocks;    // 4
  le32 size;      // 8: in the file, with this header
};
static_assert(sizeof(ChunkHeader) == 12);

/// Loaders hold a chunk in memory; libsparse cuts them at this size too.
constexpr uint64_t kMaxRawBytes = 64 << 20;

}  // namespace imagefmt::sparse
