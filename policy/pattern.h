// SPDX-License-Identifier: Apache-2.0
//
// PCRE2 patterns as file_contexts has them, translated for an automaton. Only constructs whose
// meaning is the same by construction are translated: each is parsed here by PCRE2's rules
// (pcre2pattern(3)) and written anew in a form that leaves nothing to a second parser's opinion
// (bytes in hexadecimal, classes as ranges). Everything else stays with PCRE2.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace policy {

struct TranslatedPattern {
  /// For an RE2 in Latin-1, matched from the first byte to the last.
  std::string re2;
  /// The one string that matches, if there is only one.
  std::optional<std::string> only_string;
  /// PCRE2 could refuse this pattern for its size alone: compile it before trusting it.
  bool maybe_too_large = false;
};

/// What `^pattern$` accepts under PCRE2_DOTALL, without grouping: of `a|b`, `a` is held at the
/// start only and `b` at the end only. Subjects do not end in a newline (before which PCRE2's `$`
/// holds too). Absent if the pattern uses anything outside the translated subset, or is no pattern
/// at all.
std::optional<TranslatedPattern> translate_pattern(std::string_view pattern);

/// libselinux's idea of a pattern that is plain text, which it prefers to any regular expression:
/// no
/// `. ^ $ ? * + | [ ( {` outside a backslash escape. `prefix_bytes` counts up to the first of
/// these.
struct LiteralPrefix {
  bool is_literal = true;
  size_t prefix_bytes = 0;
};
LiteralPrefix literal_prefix(std::string_view pattern);

/// libselinux's stem of a rule: the text before the second '/', empty if there is none or if a
/// metacharacter stands in it. Escapes are not undone: `/a\-b/c` has the stem `/a\-b`.
std::string_view rule_stem(std::string_view pattern);

/// The text of a path before its second '/', empty if there is none.
std::string_view path_stem(std::string_view path);

}  // namespace policy
