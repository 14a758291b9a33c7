// SPDX-License-Identifier: Apache-2.0
#include "tests/support/nar_bytes.h"

#include <cstdint>

namespace tests {

std::string nar_number(uint64_t number) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

std::string nar_strings(const std::vector<std::string_view>& strings) {
  std::string bytes;
  for (std::string_view text : strings) {
    bytes += nar_number(text.size());
    bytes += text;
    bytes.resize((bytes.size() + 7) / 8 * 8);
  }
  return bytes;
}

std::string nar_of(const std::vector<std::string_view>& strings) {
  return nar_strings({"nix-archive-1"}) + nar_strings(strings);
}

}  // namespace tests
