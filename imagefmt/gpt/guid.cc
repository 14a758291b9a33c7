// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "imagefmt/gpt/format.h"

namespace imagefmt {

namespace {

constexpr size_t kTextLength = 36;
constexpr size_t kDashes[] = {8, 13, 18, 23};

bool is_dash_place(size_t i) {
  return std::ranges::find(kDashes, i) != std::end(kDashes);
}

std::optional<uint8_t> digit_of(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

}  // namespace

Guid parse_guid(std::string_view text) {
  auto fail = [&] {
    return Error(fmt::format("'{}' is no GUID: expected 8-4-4-4-12 hexadecimal digits", text));
  };
  if (text.size() != kTextLength) throw fail();
  Guid guid{};
  size_t digits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (is_dash_place(i)) {
      if (text[i] != '-') throw fail();
      continue;
    }
    const std::optional<uint8_t> digit = digit_of(text[i]);
    if (!digit) throw fail();
    uint8_t& byte = guid[digits++ / 2];
    byte = static_cast<uint8_t>(byte << 4 | *digit);
  }
  return guid;
}

std::string to_text(const Guid& guid) {
  std::string text = to_hex(guid);
  for (size_t place : kDashes) text.insert(place, 1, '-');
  return text;
}

Guid make_guid(const Digest& digest) {
  Guid guid;
  std::copy_n(digest.begin(), guid.size(), guid.begin());
  guid[6] = static_cast<uint8_t>((guid[6] & 0x0f) | 0x80);  // version 8: of one's own making
  guid[8] = static_cast<uint8_t>((guid[8] & 0x3f) | 0x80);  // the variant of RFC 9562
  return guid;
}

namespace gpt {

DiskGuid to_disk(const Guid& guid) {
  DiskGuid disk{guid};
  std::reverse(disk.bytes.begin(), disk.bytes.begin() + 4);
  std::reverse(disk.bytes.begin() + 4, disk.bytes.begin() + 6);
  std::reverse(disk.bytes.begin() + 6, disk.bytes.begin() + 8);
  return disk;
}

Guid from_disk(const DiskGuid& guid) {
  return to_disk(guid.bytes).bytes;  // it undoes itself
}

}  // namespace gpt

}  // namespace imagefmt
