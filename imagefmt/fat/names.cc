// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/fat/names.h"

#include <algorithm>

namespace imagefmt::fat {

namespace {

constexpr std::string_view kForbidden = "\"*/:<>?\\|";
constexpr std::string_view kInShortNames = "!#$%&'()-@^_`{}~";
constexpr size_t kMaxUnits = 255;
constexpr size_t kBaseLength = 8, kExtensionLength = 3;

char upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool is_short_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kInShortNames.find(c) != std::string_view::npos;
}

/// Capitals and what goes for them, from `part`, up to `most`.
std::string shortened(std::string_view part, size_t most) {
  std::string result;
  for (char c : part) {
    if (result.size() == most) break;
    if (c == ' ' || c == '.') continue;
    result += is_short_character(upper(c)) ? upper(c) : '_';
  }
  return result;
}

ShortName padded(std::string_view base, std::string_view extension) {
  ShortName name;
  name.fill(' ');
  std::ranges::copy(base, name.begin());
  std::ranges::copy(extension, name.begin() + kBaseLength);
  return name;
}

}  // namespace

std::string name_fault(std::string_view name) {
  const std::optional<Utf16> units = to_utf16(name);
  if (!units) return "its name is no UTF-8";
  if (units->size() > kMaxUnits) {
    return fmt::format("its name has {} UTF-16 units, more than {}", units->size(), kMaxUnits);
  }
  for (char c : name) {
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      return fmt::format("its name holds the byte {:#04x}", static_cast<uint8_t>(c));
    }
    if (kForbidden.find(c) != std::string_view::npos) {
      return fmt::format("its name holds '{}'", c);
    }
  }
  if (name.back() == ' ' || name.back() == '.') {
    return fmt::format("its name ends with '{}'", name.back());
  }
  return {};
}

std::string folded(std::string_view name) {
  std::string result(name);
  std::ranges::transform(result, result.begin(), upper);
  return result;
}

std::optional<ShortName> as_short_name(std::string_view name) {
  const size_t dot = std::min(name.rfind('.'), name.size());
  const std::string_view base = name.substr(0, dot);
  const std::string_view extension = dot < name.size() ? name.substr(dot + 1) : std::string_view();
  if (base.empty() || base.size() > kBaseLength || extension.size() > kExtensionLength ||
      (dot < name.size() && extension.empty()) || !std::ranges::all_of(base, is_short_character) ||
      !std::ranges::all_of(extension, is_short_character)) {
    return std::nullopt;
  }
  return padded(base, extension);
}

ShortName make_short_name(std::string_view name, const std::set<ShortName>& taken) {
  const size_t dot = name.rfind('.');
  const bool has_extension = dot != std::string_view::npos && dot != 0;
  const std::string base =
      shortened(name.substr(0, has_extension ? dot : name.size()), kBaseLength);
  const std::string extension =
      has_extension ? shortened(name.substr(dot + 1), kExtensionLength) : std::string();
  for (uint32_t number = 1;; ++number) {
    const std::string tail = fmt::format("~{}", number);
    const ShortName candidate = padded(base.substr(0, kBaseLength - tail.size()) + tail, extension);
    if (!taken.contains(candidate)) return candidate;
  }
}

uint8_t checksum_of(const ShortName& name) {
  uint8_t sum = 0;
  for (char c : name) {
    sum = static_cast<uint8_t>((sum << 7 | sum >> 1) + static_cast<uint8_t>(c));
  }
  return sum;
}

std::vector<LongNameSlot> serialize_long_name(std::string_view name, const ShortName& short_name) {
  if (as_short_name(name)) return {};
  Utf16 units = to_utf16(name).value_or(Utf16());
  const size_t count = (units.size() + kUnitsPerSlot - 1) / kUnitsPerSlot;
  // A name that does not fill its last slot ends with 0, and 0xffff follows.
  if (units.size() % kUnitsPerSlot != 0) units.push_back(0);
  units.resize(count * kUnitsPerSlot, 0xffff);
  std::vector<LongNameSlot> slots;
  for (size_t part = count; part > 0; --part) {
    LongNameSlot slot{};
    slot.ordinal = static_cast<uint8_t>(part | (part == count ? kLastPart : 0));
    slot.attributes = kLongName;
    slot.checksum = checksum_of(short_name);
    const uint16_t* unit = &units[(part - 1) * kUnitsPerSlot];
    for (le16& place : slot.units_1) place = *unit++;
    for (le16& place : slot.units_2) place = *unit++;
    for (le16& place : slot.units_3) place = *unit++;
    slots.push_back(slot);
  }
  return slots;
}

std::string text_of(const ShortName& name, uint8_t lower_case) {
  auto part = [&](size_t offset, size_t length, bool is_lower) {
    std::string text(name.data() + offset, length);
    text.resize(text.find_last_not_of(' ') + 1);
    for (char& c : text) {
      if (is_lower && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
  };
  const std::string base = part(0, kBaseLength, lower_case & kLowerBase);
  const std::string extension = part(kBaseLength, kExtensionLength, lower_case & kLowerExtension);
  return extension.empty() ? base : base + '.' + extension;
}

}  // namespace imagefmt::fat
