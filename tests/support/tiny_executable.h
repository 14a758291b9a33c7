// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"

namespace tests {

constexpr size_t kTinyCoff = 0x80;  // where its COFF header stands

/// The smallest PE executable that is one, with a section `.text` of 16 bytes.
inline imagefmt::Bytes tiny_executable(uint16_t machine) {
  using namespace imagefmt;
  constexpr size_t kCoff = kTinyCoff, kOptional = kCoff + 24, kSections = kOptional + 240;
  auto put = [](Bytes& into, size_t offset, ByteView value) {
    std::ranges::copy(value, into.begin() + static_cast<ptrdiff_t>(offset));
  };
  Bytes bytes(0x600);
  put(bytes, 0, as_bytes("MZ"));
  put(bytes, 0x3c, bytes_of(le32(kCoff)));
  put(bytes, kCoff, as_bytes("PE"));
  put(bytes, kCoff + 4, bytes_of(le16(machine)));
  put(bytes, kCoff + 6, bytes_of(le16(1)));
  put(bytes, kCoff + 20, bytes_of(le16(240)));
  put(bytes, kOptional, bytes_of(le16(0x20b)));
  put(bytes, kOptional + 0x20, bytes_of(le32(4096)));
  put(bytes, kOptional + 0x24, bytes_of(le32(512)));
  put(bytes, kOptional + 0x38, bytes_of(le32(0x3000)));  // SizeOfImage
  put(bytes, kOptional + 0x3c, bytes_of(le32(0x400)));   // SizeOfHeaders
  put(bytes, kOptional + 0x6c, bytes_of(le32(16)));
  put(bytes, kSections, as_bytes(".text"));
  put(bytes, kSections + 8, bytes_of(le32(16)));
  put(bytes, kSections + 12, bytes_of(le32(0x1000)));
  put(bytes, kSections + 16, bytes_of(le32(0x200)));
  put(bytes, kSections + 20, bytes_of(le32(0x400)));
  put(bytes, 0x400, as_bytes("code of the stub"));
  return bytes;
}

}  // namespace tests
