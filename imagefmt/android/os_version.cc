// SPDX-License-Identifier: Apache-2.0
//
// The field os_version: 7 bits each of A, B and C, 7 of the year since 2000, 4 of the month.
#include <algorithm>
#include <charconv>

#include "imagefmt/android/boot_image.h"

namespace imagefmt {

namespace {

constexpr uint32_t kBaseYear = 2000;

/// The numbers of `text` between `separator`s; nothing if it is not made of them.
std::vector<uint32_t> split_numbers(std::string_view text, char separator) {
  std::vector<uint32_t> numbers;
  while (true) {
    const std::string_view word = text.substr(0, text.find(separator));
    uint32_t number = 0;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error != std::errc() || end != word.data() + word.size()) return {};
    numbers.push_back(number);
    if (word.size() == text.size()) return numbers;
    text.remove_prefix(word.size() + 1);
  }
}

uint32_t parse_version(std::string_view text) {
  std::vector<uint32_t> numbers = split_numbers(text, '.');
  const bool small =
      std::all_of(numbers.begin(), numbers.end(), [](uint32_t n) { return n < 128; });
  if (numbers.empty() || numbers.size() > 3 || !small) {
    throw Error(fmt::format(
        "cannot read OS version '{}': expected A, A.B or A.B.C with numbers up to 127", text));
  }
  numbers.resize(3);
  return numbers[0] << 14 | numbers[1] << 7 | numbers[2];
}

uint32_t parse_patch_level(std::string_view text) {
  const std::vector<uint32_t> numbers = split_numbers(text, '-');
  const bool shaped = (text.size() == 7 || text.size() == 10) && text[4] == '-' &&
                      (text.size() == 7 || text[7] == '-') &&
                      numbers.size() == (text.size() == 7 ? 2 : 3);
  if (!shaped || numbers[0] < kBaseYear || numbers[0] >= kBaseYear + 128 || numbers[1] < 1 ||
      numbers[1] > 12) {
    throw Error(
        fmt::format("cannot read OS patch level '{}': expected YYYY-MM or YYYY-MM-DD, from "
                    "2000-01 to 2127-12",
                    text));
  }
  return (numbers[0] - kBaseYear) << 4 | numbers[1];
}

struct TypeName {
  std::string_view name;
  uint32_t type;
};
constexpr TypeName kTypes[] = {{"none", 0}, {"platform", 1}, {"recovery", 2}, {"dlkm", 3}};

}  // namespace

uint32_t pack_os_version(std::string_view version, std::string_view patch_level) {
  return (version.empty() ? 0 : parse_version(version) << 11) |
         (patch_level.empty() ? 0 : parse_patch_level(patch_level));
}

std::string os_version_text(uint32_t os_version) {
  const uint32_t version = os_version >> 11;
  if (version == 0) return {};
  return fmt::format("{}.{}.{}", version >> 14, version >> 7 & 127, version & 127);
}

std::string os_patch_level_text(uint32_t os_version) {
  const uint32_t level = os_version & 0x7ff;
  if (level == 0) return {};
  return fmt::format("{:04}-{:02}", kBaseYear + (level >> 4), level & 15);
}

std::string_view name_of_vendor_ramdisk_type(uint32_t type) {
  for (const TypeName& known : kTypes) {
    if (known.type == type) return known.name;
  }
  return {};
}

std::optional<uint32_t> find_vendor_ramdisk_type(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  for (const TypeName& known : kTypes) {
    if (known.name == lower) return known.type;
  }
  return {};
}

}  // namespace imagefmt
