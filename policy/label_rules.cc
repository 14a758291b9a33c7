// SPDX-License-Identifier: Apache-2.0
#include "policy/label_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "imagefmt/base/embedded.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "policy/text_lines.h"

namespace policy {

/// Each `nixos/*.rules`.
std::span<const imagefmt::EmbeddedFile> nixos_label_rules();

namespace {

using imagefmt::Error;
using imagefmt::escape;

constexpr uint64_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxLineBytes = 8192;
constexpr size_t kMaxGlobBytes = 255;  // as a file name
constexpr size_t kMaxContextBytes = 4096;

constexpr std::pair<std::string_view, LabelRule::Selects> kSelectors[] = {
    {"any", LabelRule::Selects::kAny},   {"role", LabelRule::Selects::kRole},
    {"name", LabelRule::Selects::kName}, {"package", LabelRule::Selects::kPackage},
    {"file", LabelRule::Selects::kFile},
};

constexpr std::pair<std::string_view, StorePathRole> kRoles[] = {
    {"package", StorePathRole::kPackage},        {"toplevel", StorePathRole::kToplevel},
    {"system-path", StorePathRole::kSystemPath}, {"etc", StorePathRole::kEtc},
    {"etc-entry", StorePathRole::kEtcEntry},     {"system-units", StorePathRole::kSystemUnits},
    {"user-units", StorePathRole::kUserUnits},   {"unit", StorePathRole::kUnit},
    {"kernel", StorePathRole::kKernel},          {"kernel-modules", StorePathRole::kKernelModules},
    {"initrd", StorePathRole::kInitrd},          {"firmware", StorePathRole::kFirmware},
};

constexpr std::pair<std::string_view, FileType> kTypes[] = {
    {"--", FileType::kRegular}, {"-x", FileType::kRegular},   {"-d", FileType::kDirectory},
    {"-l", FileType::kSymlink}, {"-c", FileType::kCharacter}, {"-b", FileType::kBlock},
    {"-p", FileType::kFifo},    {"-s", FileType::kSocket},
};

/// The value of a word of a table. Throws `unknown <what> '<word>': expected <all of them>`.
template <class Table>
auto parse_word(const Table& table, std::string_view what, std::string_view word) {
  std::vector<std::string> names;
  for (const auto& [name, value] : table) {
    if (name == word) return value;
    names.emplace_back(name);
  }
  throw Error(fmt::format("unknown {} '{}': expected one of {}", what, escape(word),
                          fmt::join(names, " ")));
}

/// Undoes imagefmt::escape().
std::string unescape(std::string_view word) {
  std::string bytes;
  for (size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '\\') {
      bytes += word[i];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = word.substr(i + 1, 3);
    const bool sound = digits.size() == 3 && digits[0] < '4' &&
                       digits.find_first_not_of("01234567") == std::string_view::npos;
    for (char digit : digits) value = value * 8 + static_cast<unsigned>(digit - '0');
    if (!sound || value == 0) {
      throw Error(fmt::format(
          "bad path '{}': expected a byte as \\001 to \\377 after the backslash", escape(word)));
    }
    bytes += static_cast<char>(value);
    i += 3;
  }
  return bytes;
}

/// An absolute path without empty, '.' and '..' components.
std::string parse_path(std::string_view word) {
  if (!word.starts_with('/')) {
    throw Error(fmt::format("bad path '{}': expected it to begin with '/'", escape(word)));
  }
  std::string path = unescape(word);
  if (path == "/") return path;
  for (std::string_view part : split(std::string_view(path).substr(1), '/')) {
    if (part.empty() || part == "." || part == "..") {
      throw Error(fmt::format("bad path '{}': a component '{}'", escape(word), part));
    }
  }
  return path;
}

std::string parse_context(std::string_view word) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  const std::vector<std::string_view> parts = split(word, ':', 4);
  bool sound = (parts.size() == 1 || parts.size() >= 3) && word.size() <= kMaxContextBytes;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string allowed = std::string(kLetters) + (i == 3 ? ":," : "");
    sound = sound && !parts[i].empty() && parts[i][0] != '-' &&
            parts[i].find_first_not_of(allowed) == std::string_view::npos;
  }
  if (!sound) {
    throw Error(
        fmt::format("bad context '{}': expected a type, or user:role:type[:range]", escape(word)));
  }
  return std::string(word);
}

/// The words of one line, taken one after the other.
class LineParser {
 public:
  explicit LineParser(std::vector<std::string_view> words) : words_(std::move(words)) {}

  LabelRule parse() {
    rule_.text = fmt::format("{}", fmt::join(words_, " "));
    rule_.selects = parse_word(kSelectors, "selector", take("a selector"));
    switch (rule_.selects) {
      case LabelRule::Selects::kAny:
        break;
      case LabelRule::Selects::kRole:
        rule_.role = parse_word(kRoles, "role", take("a role"));
        break;
      case LabelRule::Selects::kPackage:
        rule_.selector = parse_package();
        break;
      case LabelRule::Selects::kName:
      case LabelRule::Selects::kFile:
        rule_.selector = parse_glob();
        break;
    }
    if (rule_.selects == LabelRule::Selects::kFile) {
      parse_file_name();
    } else {
      parse_inner();
      parse_type();
      parse_gift();
    }
    if (next_ != words_.size()) {
      throw Error(fmt::format("unexpected '{}' after '{}'", escape(words_[next_]),
                              escape(words_[next_ - 1])));
    }
    return std::move(rule_);
  }

 private:
  std::string_view take(std::string_view what) {
    if (next_ < words_.size()) return words_[next_++];
    throw Error(fmt::format("expected {} after '{}'", what, escape(words_.back())));
  }
  bool take_if(std::string_view word) {
    const bool is_there = next_ < words_.size() && words_[next_] == word;
    next_ += is_there;
    return is_there;
  }

  std::string parse_glob() {
    const std::string_view glob = take("a glob");
    if (glob.size() > kMaxGlobBytes || glob.find('/') != std::string_view::npos) {
      throw Error(fmt::format("bad glob '{}': expected a name, of at most {} bytes and without '/'",
                              escape(glob), kMaxGlobBytes));
    }
    return std::string(glob);
  }

  /// A name with a version or an output selects nothing, and one with `*` seems to select much.
  std::string parse_package() {
    const std::string_view name = take("a package's name");
    if (name.find_first_of("*/") == std::string_view::npos && package_name(name) == name) {
      return std::string(name);
    }
    throw Error(
        fmt::format("bad package '{}': expected its name alone, without version, output or "
                    "'*'",
                    escape(name)));
  }

  void parse_file_name() {
    if (!take_if("as"))
      throw Error(fmt::format("expected 'as' after '{}'", escape(rule_.selector)));
    const std::string_view name = take("a file's name");
    if (name.find('/') != std::string_view::npos) {
      throw Error(fmt::format("bad name '{}': expected no '/'", escape(name)));
    }
    add_place(std::string(name));
  }

  void parse_inner() {
    const std::string_view word = take("a path in the store path");
    rule_.is_top = word == ".";
    if (!rule_.is_top) rule_.inner = parse_path(word).substr(1);
  }

  void parse_type() {
    if (next_ == words_.size() || !words_[next_].starts_with('-')) return;
    rule_.is_executable = words_[next_] == "-x";
    rule_.type = parse_word(kTypes, "file type", words_[next_++]);
  }

  /// What the rule gives to what it fits.
  void parse_gift() {
    if (take_if("as")) {
      do {
        add_place(parse_path(take("a place")));
      } while (next_ < words_.size() && words_[next_] != "guess");
      rule_.is_guess = take_if("guess");
    } else if (take_if("skeleton")) {
      rule_.is_skeleton = true;
      rule_.is_guess = take_if("guess");
    } else {
      rule_.context = parse_context(take("'as', 'skeleton' or a context"));
    }
  }

  void add_place(std::string place) {
    const bool has_star = rule_.selects != LabelRule::Selects::kPackage &&
                          rule_.selector.find('*') != std::string::npos;
    if (!has_star && place.find('*') != std::string::npos) {
      throw Error(
          fmt::format("bad place '{}': no glob that its '*' could stand for", escape(place)));
    }
    if (rule_.places.size() == kMaxPlaces) {
      throw Error(fmt::format("more than {} places", kMaxPlaces));
    }
    rule_.places.push_back(std::move(place));
  }

  std::vector<std::string_view> words_;
  size_t next_ = 0;
  LabelRule rule_;
};

std::vector<std::string_view> words_of(std::string_view line) {
  if (line.size() > kMaxLineBytes) {
    throw Error(fmt::format("longer than {} bytes", kMaxLineBytes));
  }
  if (line.find('\0') != std::string_view::npos) throw Error("a NUL byte");
  std::vector<std::string_view> words = split_blanks(line);
  words.erase(std::ranges::find_if(words, [](auto word) { return word[0] == '#'; }), words.end());
  return words;
}

}  // namespace

struct LabelRules::Data {
  std::vector<std::string> files;
  std::vector<LabelRule> rules;
  size_t count_of_user = 0;

  void parse(const std::string& name, std::string_view text, imagefmt::Faults& faults);
};

void LabelRules::Data::parse(const std::string& name, std::string_view text,
                             imagefmt::Faults& faults) {
  const uint16_t file = static_cast<uint16_t>(files.size());
  const size_t first = rules.size();
  bool is_full = false;
  files.push_back(name);
  for_each_line(text, [&](std::string_view line, size_t number) {
    if (is_full) return;
    try {
      std::vector<std::string_view> words = words_of(line);
      if (words.empty()) return;
      is_full = rules.size() - first == kMaxLabelRules;
      if (is_full) throw Error(fmt::format("more than {} rules", kMaxLabelRules));
      LabelRule rule = LineParser(std::move(words)).parse();
      rule.line = static_cast<uint32_t>(number);
      rule.file = file;
      rules.push_back(std::move(rule));
    } catch (const Error& error) {
      faults.add(fmt::format("cannot read '{}' line {}: {}", name, number, error.what()));
    }
  });
}

LabelRules::LabelRules(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

LabelRules::LabelRules() {
  static const LabelRules ours = parse({});
  data_ = ours.data_;
}

LabelRules LabelRules::parse(std::span<const NamedText> user) {
  auto data = std::make_shared<Data>();
  imagefmt::Faults faults;
  for (const NamedText& text : user) data->parse(text.name, text.text, faults);
  data->count_of_user = data->rules.size();
  for (const imagefmt::EmbeddedFile& file : nixos_label_rules()) {
    data->parse(fmt::format("nixos/{}", file.name), file.bytes, faults);
  }
  faults.throw_if_any();
  return LabelRules(std::move(data));
}

LabelRules LabelRules::load(const std::string& path) {
  if (path.empty()) return {};
  return parse(std::array{NamedText{path, imagefmt::read_file(path, kMaxFileBytes)}});
}

std::span<const LabelRule> LabelRules::rules() const {
  return data_->rules;
}
size_t LabelRules::count_of_user() const {
  return data_->count_of_user;
}
std::string LabelRules::place_of(const LabelRule& rule) const {
  return fmt::format("{}:{}", data_->files[rule.file], rule.line);
}

bool selects(const LabelRule& rule, const StorePath& path) {
  switch (rule.selects) {
    case LabelRule::Selects::kAny:
      return true;
    case LabelRule::Selects::kRole:
      return rule.role == path.role;
    case LabelRule::Selects::kName:
      return match_glob(rule.selector, derivation_name(path.base_name)).has_value();
    case LabelRule::Selects::kPackage:
      return package_name(derivation_name(path.base_name)) == rule.selector;
    case LabelRule::Selects::kFile:
      break;
  }
  return false;
}

bool fits(const LabelRule& rule, std::string_view inner, FileType type, bool is_executable) {
  if (rule.type != FileType::kAny && rule.type != type) return false;
  if (rule.is_executable && !is_executable) return false;
  if (rule.is_top || inner.empty()) return rule.is_top && inner.empty();
  if (rule.inner.empty() || rule.inner == inner) return true;
  return inner.starts_with(rule.inner) && inner[rule.inner.size()] == '/';
}

std::optional<std::string_view> match_glob(std::string_view glob, std::string_view text) {
  // Between two stars, the leftmost find is as good as any other.
  const std::vector<std::string_view> parts = split(glob, '*');
  if (parts.size() == 1) {
    return glob == text ? std::optional(std::string_view()) : std::nullopt;
  }
  if (!text.starts_with(parts.front())) return std::nullopt;
  const size_t begin = parts.front().size();
  size_t at = begin, end = std::string_view::npos;
  for (size_t i = 1; i + 1 < parts.size(); ++i) {
    const size_t found = text.find(parts[i], at);
    if (found == std::string_view::npos) return std::nullopt;
    if (i == 1) end = found;
    at = found + parts[i].size();
  }
  if (text.size() - at < parts.back().size() || !text.ends_with(parts.back())) return std::nullopt;
  if (end == std::string_view::npos) end = text.size() - parts.back().size();
  return text.substr(begin, end - begin);
}

}  // namespace policy
