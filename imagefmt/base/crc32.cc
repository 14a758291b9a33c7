// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/crc32.h"

#include <array>

namespace imagefmt {

namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t sum = byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    table[byte] = sum;
  }
  return table;
}

}  // namespace

uint32_t crc32(uint32_t sum, ByteView bytes) {
  static constexpr std::array<uint32_t, 256> kTable = make_table();
  sum = ~sum;
  for (uint8_t byte : bytes) sum = sum >> 8 ^ kTable[(sum ^ byte) & 0xff];
  return ~sum;
}

}  // namespace imagefmt
