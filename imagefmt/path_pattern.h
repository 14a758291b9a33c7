// SPDX-License-Identifier: Apache-2.0
//
// Globs over the paths of a tree.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imagefmt {

/// A pattern as .gitignore and rsync have them:
///
///   *      any bytes of one name        **     any bytes, '/' among them
///   ?      one byte of a name           **/    any folders, or none
///   [a-z]  one of these; [!a-z] none    \      takes the meaning of the next byte
///
/// With a leading '/' it speaks of a whole path, without one of a path's end: `b*/c` matches
/// `/b/c` and `/a/b/c`. With a trailing '/' it matches folders alone. The root is matched by `/`,
/// `**` and `/**`.
class PathPattern {
 public:
  /// Throws `bad pattern '…': …` for what can match no path.
  explicit PathPattern(std::string_view text);

  const std::string& text() const { return text_; }
  /// `path` is absolute and canonical, as walk() gives it. Never slower than the square of its
  /// length.
  bool matches(std::string_view path, bool is_directory) const;

 private:
  struct Token {
    enum class Kind : uint8_t { kOneOf, kStar, kAnything, kFolders };
    Kind kind;
    std::bitset<256> bytes;  // of kOneOf
  };
  void parse(std::string_view glob);
  void add_byte(char byte);
  size_t parse_class(std::string_view glob, size_t start);

  std::string text_;
  std::vector<Token> tokens_;
  bool directories_only_ = false;
  bool matches_root_ = false;
};

}  // namespace imagefmt
