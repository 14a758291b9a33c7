// SPDX-License-Identifier: Apache-2.0
#include "policy/pattern.h"

#include <fmt/format.h>

#include <array>
#include <bitset>
#include <utility>
#include <vector>

namespace policy {
namespace {

using ByteSet = std::bitset<256>;

constexpr std::string_view kMetacharacters = ".^$?*+|[({";
// PCRE2 refuses more than 250 nested parentheses, and RE2 more than 1000 levels.
constexpr size_t kMaxGroups = 200;
constexpr size_t kSurelySmallPattern = 1000;
constexpr unsigned kMaxCount = 255;
constexpr std::string_view kAnyBytes = "[\\x00-\\xff]*";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

template <class Predicate>
ByteSet bytes_where(Predicate holds) {
  ByteSet set;
  for (unsigned byte = 0; byte < 256; ++byte) set[byte] = holds(byte);
  return set;
}
ByteSet byte_range(unsigned first, unsigned last) {
  return bytes_where([&](unsigned byte) { return byte >= first && byte <= last; });
}
ByteSet digits() {
  return byte_range('0', '9');
}
ByteSet lower() {
  return byte_range('a', 'z');
}
ByteSet upper() {
  return byte_range('A', 'Z');
}
ByteSet space() {
  return byte_range('\t', '\r') | byte_range(' ', ' ');
}
ByteSet word() {
  return digits() | lower() | upper() | byte_range('_', '_');
}

/// In PCRE2's built-in tables, those of the C locale, which libselinux compiles with.
std::optional<ByteSet> posix_class(std::string_view name) {
  const ByteSet alnum = digits() | lower() | upper();
  const ByteSet graph = byte_range('!', '~');
  const std::array<std::pair<std::string_view, ByteSet>, 14> classes = {{
      {"alpha", lower() | upper()},
      {"lower", lower()},
      {"upper", upper()},
      {"alnum", alnum},
      {"ascii", byte_range(0, 127)},
      {"blank", byte_range('\t', '\t') | byte_range(' ', ' ')},
      {"cntrl", byte_range(0, 31) | byte_range(127, 127)},
      {"digit", digits()},
      {"graph", graph},
      {"print", byte_range(' ', '~')},
      {"punct", graph & ~alnum},
      {"space", space()},
      {"word", word()},
      {"xdigit", digits() | byte_range('a', 'f') | byte_range('A', 'F')},
  }};
  for (const auto& [known, set] : classes) {
    if (known == name) return set;
  }
  return std::nullopt;
}

/// Raised where the subset ends; caught in translate_pattern only.
struct Untranslatable {};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {}

  TranslatedPattern run() {
    begin_branch();
    while (!at_end()) step();
    if (!groups_.empty()) throw Untranslatable();
    if (!branches_.back().held_at_end) branches_.back().held_at_end = true;  // the `$` put behind
    return finish();
  }

 private:
  struct Branch {
    size_t start = 0;  // in out_
    bool held_at_start = false, held_at_end = false;
  };

  bool at_end() const { return position_ == pattern_.size(); }
  char peek(size_t ahead = 0) const {
    return position_ + ahead < pattern_.size() ? pattern_[position_ + ahead] : '\0';
  }

  void begin_branch() {
    branches_.push_back({out_.size(), branches_.empty(), false});  // the `^` put before the first
    if (peek() == '^') {
      ++position_;
      branches_.back().held_at_start = true;
    }
    may_repeat_ = false;
  }

  void step() {
    char c = peek();
    if (!groups_.empty() || c != '$') {
      switch (c) {
        case '^':
        case '$':
          throw Untranslatable();
        case '|':
          return alternate();
        case '(':
          return open_group();
        case ')':
          return close_group();
        case '*':
        case '+':
        case '?':
        case '{':
          return repeat();
        case '.':
          ++position_;
          return emit(ByteSet().set());
        case '[':
          return emit(parse_class());
        case '\\':
          return emit(parse_escape());
        default:
          ++position_;
          return emit(ByteSet().set(static_cast<uint8_t>(c)));
      }
    }
    // `$` is translated where it ends a branch that no group encloses.
    ++position_;
    if (!at_end() && peek() != '|') throw Untranslatable();
    branches_.back().held_at_end = true;
    may_repeat_ = false;
  }

  void alternate() {
    ++position_;
    only_string_.reset();
    if (groups_.empty()) {
      begin_branch();
    } else {
      out_ += '|';
      may_repeat_ = false;
    }
  }

  void open_group() {
    ++position_;
    if (peek() == '*') throw Untranslatable();  // a verb
    if (peek() == '?') {
      if (peek(1) != ':') throw Untranslatable();
      position_ += 2;
    }
    if (groups_.size() == kMaxGroups) throw Untranslatable();
    groups_.push_back(out_.size());
    out_ += "(?:";
    only_string_.reset();
    may_repeat_ = false;
  }

  void close_group() {
    if (groups_.empty()) throw Untranslatable();
    ++position_;
    groups_.pop_back();
    out_ += ')';
    may_repeat_ = true;
  }

  void repeat() {
    if (!may_repeat_) throw Untranslatable();
    size_t start = position_;
    if (peek() == '{') {
      parse_count();
    } else {
      ++position_;
    }
    out_ += pattern_.substr(start, position_ - start);
    // Lazy or greedy, the same strings match. Possessive, fewer may.
    if (peek() == '+') throw Untranslatable();
    if (peek() == '?') ++position_;
    only_string_.reset();
    may_repeat_ = false;  // PCRE2 refuses `a**`
  }

  /// `{n}`, `{n,}` and `{n,m}`. What else begins with a brace is text to one version of PCRE2 and a
  /// count to another (`{,n}`).
  void parse_count() {
    ++position_;
    unsigned least = parse_number();
    if (peek() == ',') {
      ++position_;
      if (peek() != '}' && parse_number() < least) throw Untranslatable();
    }
    if (peek() != '}') throw Untranslatable();
    ++position_;
    maybe_too_large_ = true;
  }

  unsigned parse_number() {
    if (!is_digit(peek())) throw Untranslatable();
    unsigned number = 0;
    for (; is_digit(peek()); ++position_) {
      number = number * 10 + static_cast<unsigned>(peek() - '0');
      if (number > kMaxCount) throw Untranslatable();
    }
    return number;
  }

  /// At a backslash: the bytes that the escape stands for, inside a class and outside.
  ByteSet parse_escape() {
    ++position_;
    if (at_end()) throw Untranslatable();
    char c = peek();
    ++position_;
    if (!is_digit(c) && !is_letter(c)) return ByteSet().set(static_cast<uint8_t>(c));
    switch (c) {
      case 'd':
        return digits();
      case 'D':
        return ~digits();
      case 'w':
        return word();
      case 'W':
        return ~word();
      case 's':
        return space();
      case 'S':
        return ~space();
      case 'a':
        return ByteSet().set('\a');
      case 'e':
        return ByteSet().set(27);
      case 'f':
        return ByteSet().set('\f');
      case 'n':
        return ByteSet().set('\n');
      case 'r':
        return ByteSet().set('\r');
      case 't':
        return ByteSet().set('\t');
      case 'x': {
        unsigned high = hex_digit(), low = hex_digit();
        return ByteSet().set(high * 16 + low);
      }
      default:
        throw Untranslatable();
    }
  }

  unsigned hex_digit() {
    char c = peek();
    ++position_;
    if (is_digit(c)) return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    throw Untranslatable();
  }

  ByteSet parse_class() {
    ++position_;
    bool negated = peek() == '^';
    if (negated) ++position_;
    ByteSet set;
    for (bool first = true;; first = false) {
      if (at_end()) throw Untranslatable();
      if (peek() == ']' && !first) break;
      ByteSet member = parse_member();
      if (peek() == '-' && peek(1) != ']') {
        // A hyphen between two single characters makes a range; elsewhere PCRE2's versions differ.
        ++position_;
        if (member.count() != 1 || at_end()) throw Untranslatable();
        ByteSet last = parse_member();
        if (last.count() != 1 || first_of(last) < first_of(member)) throw Untranslatable();
        member = byte_range(first_of(member), first_of(last));
        if (peek() == '-' && peek(1) != ']') throw Untranslatable();
      }
      set |= member;
    }
    ++position_;
    if (negated) set.flip();
    if (set.none()) throw Untranslatable();
    return set;
  }

  ByteSet parse_member() {
    char c = peek();
    if (c == '\\') return parse_escape();
    if (c == '[' && (peek(1) == ':' || peek(1) == '.' || peek(1) == '=')) {
      size_t end = pattern_.find(":]", position_ + 2);
      if (peek(1) != ':' || end == std::string_view::npos) throw Untranslatable();
      std::string_view name = pattern_.substr(position_ + 2, end - position_ - 2);
      bool negated = name.starts_with('^');
      if (negated) name.remove_prefix(1);
      std::optional<ByteSet> set = posix_class(name);
      if (!set) throw Untranslatable();
      position_ = end + 2;
      return negated ? ~*set : *set;
    }
    ++position_;
    return ByteSet().set(static_cast<uint8_t>(c));
  }

  static unsigned first_of(const ByteSet& set) { return static_cast<unsigned>(set._Find_first()); }

  void emit(const ByteSet& set) {
    may_repeat_ = true;
    if (set.count() == 1) {
      char byte = static_cast<char>(first_of(set));
      if (only_string_) *only_string_ += byte;
      emit_byte(first_of(set));
      return;
    }
    only_string_.reset();
    out_ += '[';
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (!set[byte]) continue;
      unsigned last = byte;
      while (last < 255 && set[last + 1]) ++last;
      out_ += fmt::format("\\x{:02x}-\\x{:02x}", byte, last);
      byte = last;
    }
    out_ += ']';
  }

  void emit_byte(unsigned byte) {
    char c = static_cast<char>(byte);
    if (is_digit(c) || is_letter(c) || c == '/') {
      out_ += c;
    } else {
      out_ += fmt::format("\\x{:02x}", byte);
    }
  }

  TranslatedPattern finish() {
    TranslatedPattern result;
    for (size_t i = 0; i < branches_.size(); ++i) {
      const Branch& branch = branches_[i];
      size_t end = i + 1 < branches_.size() ? branches_[i + 1].start : out_.size();
      if (i) result.re2 += '|';
      if (!branch.held_at_start) result.re2 += kAnyBytes;
      result.re2 += std::string_view(out_).substr(branch.start, end - branch.start);
      if (!branch.held_at_end) result.re2 += kAnyBytes;
    }
    result.only_string = std::move(only_string_);
    result.maybe_too_large = maybe_too_large_ || pattern_.size() > kSurelySmallPattern;
    return result;
  }

  std::string_view pattern_;
  size_t position_ = 0;
  std::string out_;
  std::vector<Branch> branches_;
  std::vector<size_t> groups_;
  std::optional<std::string> only_string_ = std::string();
  bool may_repeat_ = false, maybe_too_large_ = false;
};

}  // namespace

std::optional<TranslatedPattern> translate_pattern(std::string_view pattern) {
  try {
    return Translator(pattern).run();
  } catch (const Untranslatable&) {
    return std::nullopt;
  }
}

LiteralPrefix literal_prefix(std::string_view pattern) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      ++i;
    } else if (kMetacharacters.find(pattern[i]) != std::string_view::npos) {
      return {false, i};
    }
  }
  return {true, pattern.size()};
}

std::string_view rule_stem(std::string_view pattern) {
  std::string_view stem = path_stem(pattern);
  return stem.find_first_of(kMetacharacters) == std::string_view::npos ? stem : std::string_view();
}

std::string_view path_stem(std::string_view path) {
  size_t slash = path.find('/', 1);
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace policy
