// SPDX-License-Identifier: Apache-2.0
#include "builder/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "imagefmt/base/error.h"
#include "imagefmt/dump.h"

namespace builder {

std::string in_quotes(std::string_view text) {
  constexpr size_t kMost = 300;
  // A blank is readable between quotes, so it is the one thing that escape() need not touch.
  std::string result = "'";
  for (std::string_view rest = text.substr(0, kMost); !rest.empty();) {
    size_t blank = std::min(rest.find(' '), rest.size());
    result += imagefmt::escape(rest.substr(0, blank));
    if (blank < rest.size()) result += ' ', ++blank;
    rest.remove_prefix(blank);
  }
  return result + (text.size() > kMost ? "…'" : "'");
}

std::string escape_unprintable(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += imagefmt::escape({&c, 1});
    }
  }
  return result;
}

std::string escape_controls(std::string_view text) {
  std::string result;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\{:03o}", byte);
    } else {
      result += c;
    }
  }
  return result;
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string one_of(const std::vector<std::string>& words, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 0) text += i + 1 == words.size() ? fmt::format(" {} ", last) : ", ";
    text += words[i];
  }
  return text;
}

uint64_t parse_number(std::string_view text, std::string_view what, uint64_t most) {
  const bool is_hex = text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X";
  const std::string_view digits = text.substr(is_hex ? 2 : 0);
  // Elsewhere a leading 0 means octal, so it must not mean decimal here.
  const bool is_octal = !is_hex && digits.size() > 1 && digits[0] == '0';
  uint64_t value = 0;
  auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, is_hex ? 16 : 10);
  if (error != std::errc() || end != digits.data() + digits.size() || is_octal || value > most) {
    throw imagefmt::Error(
        fmt::format("cannot read {} {}: expected a number, decimal or with 0x, up to {:#x}", what,
                    in_quotes(text), most));
  }
  return value;
}

bool LineReader::next(std::string_view& line) {
  if (rest_.empty()) {
    line = {};
    return false;
  }
  size_t end = std::min(rest_.find('\n'), rest_.size());
  line = rest_.substr(0, end);
  rest_.remove_prefix(std::min(end + 1, rest_.size()));
  ++number_;
  return true;
}

}  // namespace builder
