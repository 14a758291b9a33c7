// SPDX-License-Identifier: Apache-2.0
//
// What the parsers of text share: lines with their numbers, and hostile text in a message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

/// `'text'` for a message: bytes that could spoil a terminal escaped, cut after 300 bytes.
std::string in_quotes(std::string_view text);

/// `text` with its bytes outside of printable ASCII as \ooo; a backslash stays as it is, for what has
/// backslashes of its own.
std::string escape_unprintable(std::string_view text);

/// `text` with its control characters as \ooo, for a terminal; UTF-8 is left as it is.
std::string escape_controls(std::string_view text);

bool has_control_character(std::string_view text);

/// `a, b or c`, with another word for "or" if one is given.
std::string one_of(const std::vector<std::string>& words, std::string_view last = "or");

/// A number of an option or a file: decimal, or hexadecimal with 0x. Throws
/// `cannot read <what> '…': expected a number, decimal or with 0x, up to <most>`.
uint64_t parse_number(std::string_view text, std::string_view what, uint64_t most);

/// Yields the lines of a text without their '\n'. A last line needs no '\n'.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  /// False at the end, and then `line` is empty.
  bool next(std::string_view& line);
  /// Of the line that next() gave last; the first is 1.
  size_t number() const { return number_; }
  /// How many lines are left at most, cheaply: a bound for counts that a file claims.
  size_t remaining_bytes() const { return rest_.size(); }

 private:
  std::string_view rest_;
  size_t number_ = 0;
};

}  // namespace builder
