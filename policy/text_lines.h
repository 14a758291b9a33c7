// SPDX-License-Identifier: Apache-2.0
//
// Private to policy/: text files line by line, and their fields.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace policy {

/// Calls `visit(line, number)` for each line, numbered from 1, without its newline.
template <class Visit>
void for_each_line(std::string_view text, Visit&& visit) {
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    visit(text.substr(0, end), number);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

constexpr std::string_view kBlanks = " \t\r\v\f";

inline std::string_view trim(std::string_view text) {
  const size_t start = text.find_first_not_of(kBlanks);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kBlanks) - start + 1);
}

/// The parts between blanks, none of them empty.
inline std::vector<std::string_view> split_blanks(std::string_view text) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t start = text.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return fields;
    text.remove_prefix(start);
    const size_t end = std::min(text.find_first_of(kBlanks), text.size());
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

/// The parts between separators, empty ones included; `most` parts at most, the last with the rest.
inline std::vector<std::string_view> split(std::string_view text, char separator,
                                           size_t most = std::string_view::npos) {
  std::vector<std::string_view> fields;
  while (fields.size() + 1 < most) {
    const size_t end = text.find(separator);
    if (end == std::string_view::npos) break;
    fields.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  fields.push_back(text);
  return fields;
}

/// Empty lines and comments of the file formats that /etc/selinux holds.
inline bool is_comment(std::string_view line) {
  line = trim(line);
  return line.empty() || line.front() == '#';
}

}  // namespace policy
