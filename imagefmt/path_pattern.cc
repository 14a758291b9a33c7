// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/path_pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "imagefmt/base/error.h"

namespace imagefmt {

namespace {

constexpr size_t kMaxPattern = 4095;  // as a path

/// Names that no path has, each between slashes.
void check_names(std::string_view glob) {
  for (size_t start = 0; start <= glob.size();) {
    const size_t end = std::min(glob.find('/', start), glob.size());
    const std::string_view name = glob.substr(start, end - start);
    if (name.empty()) throw Error("an empty name");
    if (name == "." || name == "..") throw Error("no path in a tree has '.' or '..' in it");
    start = end + 1;
  }
}

}  // namespace

PathPattern::PathPattern(std::string_view text) : text_(text) {
  if (text.find('\0') != text.npos) throw Error("bad pattern: a NUL byte in it");
  with_context(fmt::format("bad pattern '{}'", text), [&] {
    if (text.empty()) throw Error("it is empty");
    if (text.size() > kMaxPattern) throw Error(fmt::format("longer than {} bytes", kMaxPattern));
    const bool anchored = text.starts_with('/');
    if (anchored) text.remove_prefix(1);
    if (text.empty()) {
      matches_root_ = true;
      return;
    }
    directories_only_ = text.ends_with('/');
    if (directories_only_) text.remove_suffix(1);
    check_names(text);
    matches_root_ = text == "**";
    if (!anchored) tokens_.push_back({Token::Kind::kFolders, {}});
    parse(text);
  });
}

void PathPattern::parse(std::string_view glob) {
  for (size_t i = 0; i < glob.size();) {
    const char byte = glob[i];
    if (byte == '*') {
      const size_t end = std::min(glob.find_first_not_of('*', i), glob.size());
      const bool deep = end - i > 1, whole_name = i == 0 || glob[i - 1] == '/';
      const bool folders = deep && whole_name && end < glob.size() && glob[end] == '/';
      tokens_.push_back({folders ? Token::Kind::kFolders
                         : deep  ? Token::Kind::kAnything
                                 : Token::Kind::kStar,
                         {}});
      i = folders ? end + 1 : end;
    } else if (byte == '[') {
      i = parse_class(glob, i + 1);
    } else if (byte == '?') {
      Token any{Token::Kind::kOneOf, {}};
      any.bytes.set().reset('/');
      tokens_.push_back(any);
      ++i;
    } else {
      if (byte == '\\' && ++i == glob.size()) throw Error("nothing follows the '\\'");
      add_byte(glob[i++]);
    }
  }
}

void PathPattern::add_byte(char byte) {
  Token token{Token::Kind::kOneOf, {}};
  token.bytes.set(static_cast<uint8_t>(byte));
  tokens_.push_back(token);
}

/// The class that begins behind its '['; where it ends. A ']' that comes first is one of its bytes.
size_t PathPattern::parse_class(std::string_view glob, size_t start) {
  size_t i = start;
  auto next = [&]() -> uint8_t {
    if (i < glob.size() && glob[i] == '\\') ++i;
    if (i >= glob.size()) throw Error("a '[' without its ']'");
    return static_cast<uint8_t>(glob[i++]);
  };
  const bool negated = i < glob.size() && (glob[i] == '!' || glob[i] == '^');
  i += negated;
  Token token{Token::Kind::kOneOf, {}};
  for (bool first = true; first || i >= glob.size() || glob[i] != ']'; first = false) {
    if (glob.substr(i).starts_with("[:")) throw Error("there are no classes by name, as '[:…:]'");
    const uint8_t low = next();
    uint8_t high = low;
    if (i + 1 < glob.size() && glob[i] == '-' && glob[i + 1] != ']') {
      ++i;
      high = next();
    }
    if (low > high) throw Error("a range from a higher to a lower byte");
    for (unsigned byte = low; byte <= high; ++byte) token.bytes.set(byte);
  }
  if (negated) token.bytes.flip();
  token.bytes.reset('/');
  tokens_.push_back(token);
  return i + 1;
}

bool PathPattern::matches(std::string_view path, bool is_directory) const {
  if (directories_only_ && !is_directory) return false;
  path.remove_prefix(1);
  if (path.empty()) return matches_root_;
  if (tokens_.empty()) return false;
  // What follows the last wildcard is tried at each place that the wildcard allows, and wildcards
  // before it need not be asked again: a '*' stays within its name, and of two deep ones the place
  // that suits the first soonest leaves the second all that any other place would leave it.
  constexpr size_t kNone = SIZE_MAX;
  size_t token = 0, at = 0;
  size_t star = kNone, star_at = 0, deep = kNone, deep_at = 0;
  while (true) {
    if (token < tokens_.size()) {
      const Token& wanted = tokens_[token];
      if (wanted.kind == Token::Kind::kStar) {
        star = token++, star_at = at;
        continue;
      }
      if (wanted.kind != Token::Kind::kOneOf) {
        deep = token++, deep_at = at, star = kNone;
        continue;
      }
      if (at < path.size() && wanted.bytes[static_cast<uint8_t>(path[at])]) {
        ++token, ++at;
        continue;
      }
    } else if (at == path.size()) {
      return true;
    }
    if (star != kNone && star_at < path.size() && path[star_at] != '/') {
      at = ++star_at, token = star + 1;
      continue;
    }
    if (deep == kNone) return false;
    star = kNone;
    if (tokens_[deep].kind == Token::Kind::kAnything) {
      if (deep_at == path.size()) return false;
      ++deep_at;
    } else {
      const size_t slash = path.find('/', deep_at);
      if (slash == path.npos) return false;
      deep_at = slash + 1;
    }
    at = deep_at, token = deep + 1;
  }
}

}  // namespace imagefmt
