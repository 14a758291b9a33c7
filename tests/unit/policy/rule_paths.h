// SPDX-License-Identifier: Apache-2.0
//
// Patterns and paths for the oracle tests, from a seed alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace policy::oracle {

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  /// The distributions of <random> differ between libraries; this does not.
  size_t below(size_t bound) { return static_cast<size_t>(engine_()) % bound; }
  template <class Range>
  const auto& of(const Range& range) {
    return range[below(std::size(range))];
  }

 private:
  std::mt19937 engine_;
};

/// A path that likely matches `pattern`: not always, for what it does not understand it skips.
class PathMaker {
 public:
  PathMaker(std::string_view pattern, Random& random) : rest_(pattern), random_(random) {}
  std::string run() {
    std::string path = alternation();
    while (!rest_.empty()) {
      rest_.remove_prefix(1);
      path += alternation();
    }
    return path;
  }

 private:
  std::string alternation() {
    std::string chosen = sequence();
    for (size_t seen = 2; !rest_.empty() && rest_[0] == '|'; ++seen) {
      rest_.remove_prefix(1);
      std::string other = sequence();
      if (random_.below(seen) == 0) chosen = std::move(other);
    }
    return chosen;
  }

  std::string sequence() {
    std::string out;
    while (!rest_.empty() && rest_[0] != '|' && rest_[0] != ')') {
      std::string piece = atom();
      size_t least = 1, most = 1;
      if (!rest_.empty() && std::string_view("*+?").find(rest_[0]) != std::string_view::npos) {
        least = rest_[0] == '+' ? 1 : 0;
        most = rest_[0] == '?' ? 1 : 3;
        rest_.remove_prefix(1);
      } else if (rest_.starts_with('{')) {
        least = 0;
        most = 3;
        rest_.remove_prefix(std::min(rest_.size(), rest_.find('}') + 1));
      }
      for (size_t i = least + random_.below(most - least + 1); i > 0; --i) out += piece;
    }
    return out;
  }

  std::string atom() {
    char c = rest_[0];
    rest_.remove_prefix(1);
    switch (c) {
      case '.':
        return std::string(1, random_.of(std::string_view("ab/.-1\n\xc3")));
      case '(': {
        if (rest_.starts_with("?")) rest_.remove_prefix(std::min<size_t>(2, rest_.size()));
        std::string inner = alternation();
        if (!rest_.empty()) rest_.remove_prefix(1);
        return inner;
      }
      case '[': {
        size_t end = rest_.find(']', 1);
        std::string_view members = rest_.substr(0, end);
        rest_.remove_prefix(std::min(rest_.size(), end == rest_.npos ? end : end + 1));
        if (members.starts_with('^')) return random_.below(2) ? "x" : "0";
        return members.empty() ? std::string() : std::string(1, random_.of(members));
      }
      case '\\': {
        if (rest_.empty()) return {};
        char escaped = rest_[0];
        rest_.remove_prefix(1);
        return escaped == 'd' ? "7" : escaped == 's' ? "\v" : std::string(1, escaped);
      }
      case '^':
      case '$':
        return {};
      default:
        return std::string(1, c);
    }
  }

  std::string_view rest_;
  Random& random_;
};

inline std::string path_from_pattern(std::string_view pattern, Random& random) {
  return PathMaker(pattern, random).run();
}

inline std::string mutated(std::string path, Random& random) {
  constexpr std::string_view kBytes = "/abx.-_09Z \n\t\\[]()\xc3\xa9\xff";
  for (size_t i = 0, count = random.below(3); i <= count; ++i) {
    size_t at = random.below(path.size() + 1);
    switch (random.below(9)) {
      case 0:
        path.insert(at, 1, random.of(kBytes));
        break;
      case 1:
        if (at < path.size()) path.erase(at, 1);
        break;
      case 2:
        if (at < path.size()) path[at] = random.of(kBytes);
        break;
      case 3:
        path += "/x";
        break;
      case 4:
        path.resize(at);
        break;
      case 5:
        path.insert(at, "//");
        break;
      case 6:
        path += random.of(std::string_view("/\n0a"));
        break;
      case 7:
        path.insert(0, random.below(2) ? "/etc" : "/usr/lib");
        break;
      default:
        path += random.below(2) ? ".so.1" : "-rc";
    }
  }
  return path;
}

inline std::string small_path(Random& random) {
  std::string path;
  for (size_t i = 0, count = 1 + random.below(4); i < count; ++i) {
    path += '/';
    for (size_t j = 0, length = random.below(3); j < length; ++j) {
      path += random.of(std::string_view("abd-"));
    }
  }
  return path;
}

/// A pattern over a few letters, with everything in which regular expression engines differ. Often
/// none that PCRE2 takes.
inline std::string hostile_pattern(Random& random) {
  constexpr std::string_view kPieces[] = {
      "/",           "/",       "/",           "a",
      "b",           "a",       "/a",          "/b",
      "/a/",         "/b/",     "ab",          ".",
      "/.*",         "(/.*)?",  "[^/]*",       "[^/]+",
      "[ab]",        "[a-c]",   "[]a]",        "[^]a]",
      "[a-]",        "[a\\-b]", "[[:alpha:]]", "[[:^digit:]]",
      "[\\x61]",     "\\x61",   "\\.",         "\\-",
      "\\/",         "\\_",     "\\<",         "\\d",
      "\\s",         "\\w",     "\\S",         "\\b",
      "\\B",         "\\A",     "\\Z",         "\\z",
      "\\h",         "\\R",     "\\Qa.b\\E",   "\\E",
      "\\101",       "\\1",     "\\x{61}",     "\\cA",
      "\\N",         "$",       "^",           "|",
      "|/a",         "|b",      "(a|b)",       "(a|)",
      "(/a|b)",      "(?:a|/)", "(?=a)",       "(?!a)",
      "(?<=a)",      "(?<!/)",  "(?i)",        "(?i:A)",
      "(?>a|ab)",    "(a)\\1",  "(?<n>a)",     "(*FAIL)",
      "?",           "*",       "+",           "*?",
      "+?",          "??",      "*+",          "++",
      "{2}",         "{0,2}",   "{,2}",        "{1,}",
      "{2,1}",       "{",       "}",           "]",
      "()",          "(a*)*",   "(a?b?)+",     "(",
      ")",           "-",       "[[.a.]]",     "[[=a=]]",
      "[a-\\d]",     "[\\w-z]", "[a-c-e]",     "[--a]",
      "[z-a]",       "[\\b]",   "[",           "#",
      "\\#",         "[\\xc3]", "\\xc3",       "[^\\x00-\\x7f]",
      "(?#c)",       "\\p{L}",  "(?-s:.)",     "\\x6",
      "[[:punct:]]", "[[:<:]]", "\\e",         "\\n",
  };
  std::string pattern = random.below(8) ? "/" : "";
  for (size_t i = 0, count = 1 + random.below(6); i < count; ++i) {
    pattern += random.below(2) ? kPieces[random.below(14)] : random.of(kPieces);
  }
  return pattern.starts_with('#') ? "/" + pattern : pattern;
}

}  // namespace policy::oracle
