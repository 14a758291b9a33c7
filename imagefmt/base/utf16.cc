// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/utf16.h"

namespace imagefmt {

namespace {

constexpr uint16_t kReplacement = 0xfffd;

/// The code point at `text`, which is taken away; nothing if it is no UTF-8.
std::optional<uint32_t> take_code_point(std::string_view& text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const size_t length = byte(0) < 0x80             ? 1
                        : (byte(0) & 0xe0) == 0xc0 ? 2
                        : (byte(0) & 0xf0) == 0xe0 ? 3
                        : (byte(0) & 0xf8) == 0xf0 ? 4
                                                   : 0;
  if (length == 0 || text.size() < length) return std::nullopt;
  uint32_t point = length == 1 ? byte(0) : byte(0) & (0x7fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[length] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
    return std::nullopt;
  }
  text.remove_prefix(length);
  return point;
}

void append_utf8(std::string& text, uint32_t point) {
  if (point < 0x80) {
    text += static_cast<char>(point);
    return;
  }
  const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  constexpr uint8_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  text += static_cast<char>(kLead[more] | point >> (6 * more));
  for (int i = more - 1; i >= 0; --i) text += static_cast<char>(0x80 | (point >> (6 * i) & 0x3f));
}

}  // namespace

std::optional<Utf16> to_utf16(std::string_view text) {
  Utf16 units;
  while (!text.empty()) {
    const std::optional<uint32_t> point = take_code_point(text);
    if (!point) return std::nullopt;
    if (*point < 0x10000) {
      units.push_back(static_cast<uint16_t>(*point));
    } else {
      units.push_back(static_cast<uint16_t>(0xd800 + ((*point - 0x10000) >> 10)));
      units.push_back(static_cast<uint16_t>(0xdc00 + ((*point - 0x10000) & 0x3ff)));
    }
  }
  return units;
}

std::string to_utf8(const Utf16& units) {
  std::string text;
  for (size_t i = 0; i < units.size(); ++i) {
    const bool is_high = units[i] >= 0xd800 && units[i] < 0xdc00;
    if (is_high && i + 1 < units.size() && units[i + 1] >= 0xdc00 && units[i + 1] < 0xe000) {
      append_utf8(text, 0x10000 + ((units[i] - 0xd800u) << 10 | (units[i + 1] - 0xdc00u)));
      ++i;
    } else {
      append_utf8(text, units[i] >= 0xd800 && units[i] < 0xe000 ? kReplacement : units[i]);
    }
  }
  return text;
}

}  // namespace imagefmt
