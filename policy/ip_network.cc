// SPDX-License-Identifier: Apache-2.0
#include "policy/ip_network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <optional>

#include "imagefmt/base/error.h"

namespace policy {

namespace {

using Address = std::array<uint8_t, 16>;

std::optional<Address> parse_address(std::string_view text, bool v6) {
  Address address = {};
  if (inet_pton(v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), address.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

std::string text_of(const Address& address, bool v6) {
  if (!v6) return fmt::format("{}.{}.{}.{}", address[0], address[1], address[2], address[3]);
  // The first of the longest runs of zeroes, if it is longer than one, becomes `::` (RFC 5952).
  std::array<unsigned, 8> words;
  size_t start = 0, length = 1;
  for (size_t i = 0, run = 0; i < words.size(); ++i) {
    words[i] = unsigned{address[2 * i]} << 8 | address[2 * i + 1];
    run = words[i] == 0 ? run + 1 : 0;
    if (run > length) {
      length = run;
      start = i + 1 - run;
    }
  }
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (length > 1 && i == start) {
      text += "::";
      i += length - 1;
    } else {
      if (!text.empty() && text.back() != ':') text += ':';
      text += fmt::format("{:x}", words[i]);
    }
  }
  return text;
}

Address mask_of(unsigned bits) {
  Address mask = {};
  for (unsigned i = 0; i < bits; ++i) {
    mask[i / 8] = static_cast<uint8_t>(mask[i / 8] | 0x80u >> i % 8);
  }
  return mask;
}

}  // namespace

IpNetwork parse_network(std::string_view address, std::string_view mask) {
  IpNetwork network;
  network.v6 = address.find(':') != std::string_view::npos;
  unsigned most = network.v6 ? 128 : 32;
  std::optional<Address> parsed = parse_address(address, network.v6);
  bool valid = parsed.has_value();
  if (mask.empty()) {
    network.prefix_bits = most;
  } else if (std::optional<Address> bits = parse_address(mask, network.v6)) {
    for (uint8_t byte : *bits) network.prefix_bits += static_cast<unsigned>(std::popcount(byte));
  } else {
    const char* end = mask.data() + mask.size();
    auto [stop, failure] = std::from_chars(mask.data(), end, network.prefix_bits);
    valid = valid && failure == std::errc() && stop == end && network.prefix_bits <= most;
  }
  if (!valid) {
    throw imagefmt::Error(
        fmt::format("no network: '{}{}{}'", address, mask.empty() ? "" : "/", mask));
  }
  network.address = *parsed;
  Address kept = mask_of(network.prefix_bits);
  for (size_t i = 0; i < kept.size(); ++i) network.address[i] &= kept[i];
  return network;
}

std::string address_text(const IpNetwork& network) {
  return text_of(network.address, network.v6);
}

std::string mask_text(const IpNetwork& network) {
  return text_of(mask_of(network.prefix_bits), network.v6);
}

}  // namespace policy
