// SPDX-License-Identifier: Apache-2.0
//
// Networks of nodecon statements.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace policy {

struct IpNetwork {
  bool v6 = false;
  std::array<uint8_t, 16> address = {};  // 4 bytes of it for IPv4; no bit beyond the prefix
  unsigned prefix_bits = 0;
  bool operator==(const IpNetwork&) const = default;
};

/// `mask` is an address (its bits are counted), a number of bits, or empty for a single host. Bits
/// of the address beyond the prefix are dropped. Throws `no network: 'x'`.
IpNetwork parse_network(std::string_view address, std::string_view mask);

/// IPv6 in the shortest form, in hexadecimal throughout.
std::string address_text(const IpNetwork& network);
std::string mask_text(const IpNetwork& network);

}  // namespace policy
