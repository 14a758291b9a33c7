// SPDX-License-Identifier: Apache-2.0
#include "policy/contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <unordered_map>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "policy/pattern.h"
#include "policy/rule_matcher.h"

namespace policy {
namespace {

using imagefmt::Faults;

// isspace(3) in the C locale.
constexpr std::string_view kBlanks = " \t\n\v\f\r";
// libselinux reads substitutions in pieces of this size; a longer line would be two.
constexpr size_t kMaxSubstitutionLine = 1021;

struct Substitution {
  std::string alias, original;
};
using SubstitutionPass = std::vector<Substitution>;  // the last of the file first

/// Takes the next field off `line`; empty if there is none.
std::string_view take_field(std::string_view& line) {
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(kBlanks)));
  std::string_view field = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(field.size());
  return field;
}

template <class Line>
void for_each_line(std::string_view text, Line&& body) {
  uint32_t number = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    body(text.substr(0, end), ++number);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::optional<FileType> parse_type_field(std::string_view field) {
  for (int type = 1; type <= static_cast<int>(FileType::kSocket); ++type) {
    if (type_field(static_cast<FileType>(type)) == field) return static_cast<FileType>(type);
  }
  return std::nullopt;
}

bool overlap(FileType a, FileType b) {
  return a == FileType::kAny || b == FileType::kAny || a == b;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 128; });
}

std::string fault_in(std::string_view name, uint32_t line, std::string_view reason) {
  return fmt::format("cannot read '{}' line {}: {}", name, line, reason);
}

/// The text as lookups apply it, into `out`. False if nothing applies.
bool substitute(const SubstitutionPass& pass, std::string_view path, std::string& out) {
  for (const Substitution& sub : pass) {
    if (!path.starts_with(sub.alias)) continue;
    std::string_view rest = path.substr(sub.alias.size());
    if (!rest.empty() && rest[0] != '/') continue;
    if (!rest.empty() && sub.original == "/") rest.remove_prefix(1);
    out = sub.original;
    out += rest;
    return true;
  }
  return false;
}

/// Whether single slashes and no slash at the end is what `path` has already.
bool is_clean(std::string_view path) {
  char previous = '\0';
  for (char c : path) {
    if (c == '\0' || (c == '/' && previous == '/')) return false;
    previous = c;
  }
  return path.size() <= 1 || previous != '/';
}

std::string cleaned(std::string_view path) {
  std::string clean;
  for (char c : path.substr(0, path.find('\0'))) {
    if (c != '/' || clean.empty() || clean.back() != '/') clean += c;
  }
  if (clean.size() > 1 && clean.back() == '/') clean.pop_back();
  return clean;
}

}  // namespace

std::string_view type_in(std::string_view context) {
  for (int field = 0; field < 2; ++field) {
    context.remove_prefix(std::min(context.find(':'), context.size() - 1) + 1);
  }
  return context.substr(0, context.find(':'));
}

FileType type_of(const imagefmt::Node& node) {
  switch (imagefmt::type_letter(node)) {
    case 'd':
      return FileType::kDirectory;
    case 'l':
      return FileType::kSymlink;
    case 'c':
      return FileType::kCharacter;
    case 'b':
      return FileType::kBlock;
    case 'p':
      return FileType::kFifo;
    case 's':
      return FileType::kSocket;
    default:
      return FileType::kRegular;
  }
}

std::string_view type_field(FileType type) {
  constexpr std::string_view kFields[] = {"", "--", "-d", "-l", "-c", "-b", "-p", "-s"};
  return kFields[static_cast<size_t>(type)];
}

std::string_view type_name(FileType type) {
  constexpr std::string_view kNames[] = {
      "", "file", "directory", "symlink", "character device", "block device", "fifo", "socket"};
  return kNames[static_cast<size_t>(type)];
}

struct FileContexts::Data {
  std::vector<std::string> files;
  std::vector<ContextRule> rules;
  std::vector<SubstitutionPass> passes;
  std::vector<std::string> warnings;
  std::unique_ptr<RuleMatcher> matcher;

  std::string place_of(const ContextRule& rule) const {
    return fmt::format("{}:{}", files[rule.file], rule.line);
  }
  void parse_rules(const NamedText& text, Faults& faults);
  void parse_substitutions(const NamedText& text, Faults& faults);
  void check_contradictions(Contradictions contradictions, Faults& faults);
  void compile(Faults& faults);
  std::string_view substituted(std::string_view path, std::string& first,
                               std::string& second) const;

  std::unordered_map<std::string_view, imagefmt::Label> contexts;  // keys lie in the labels
};

void FileContexts::Data::parse_rules(const NamedText& text, Faults& faults) {
  uint16_t file = static_cast<uint16_t>(files.size());
  files.push_back(text.name);
  for_each_line(text.text, [&](std::string_view line, uint32_t number) {
    std::string_view rest = line;
    std::string_view pattern = take_field(rest);
    if (pattern.empty() || pattern[0] == '#') return;
    std::string_view type = take_field(rest), context = take_field(rest);
    if (line.find('\0') != std::string_view::npos) {
      return faults.add(fault_in(text.name, number, "a NUL byte"));
    }
    if (!is_ascii(pattern) || !is_ascii(type) || !is_ascii(context)) {
      return faults.add(
          fault_in(text.name, number,
                   "a byte outside ASCII, which libselinux refuses: write it as [\\xhh]"));
    }
    if (type.empty()) {
      return faults.add(
          fault_in(text.name, number, fmt::format("expected a context after '{}'", pattern)));
    }
    ContextRule rule;
    if (context.empty()) {
      context = type;
    } else if (std::optional<FileType> known = parse_type_field(type)) {
      rule.type = *known;
    } else {
      return faults.add(
          fault_in(text.name, number,
                   fmt::format("expected a file type (-- -d -l -c -b -p -s), found '{}'", type)));
    }
    rule.pattern = pattern;
    auto known = contexts.find(context);
    if (known == contexts.end()) {
      imagefmt::Label label(context);
      known = contexts.emplace(label.text(), label).first;
    }
    rule.context = known->second;
    rule.line = number;
    rule.file = file;
    LiteralPrefix prefix = literal_prefix(pattern);
    rule.prefix_bytes = static_cast<uint32_t>(prefix.prefix_bytes);
    rule.is_literal = prefix.is_literal;
    rules.push_back(std::move(rule));
  });
}

void FileContexts::Data::parse_substitutions(const NamedText& text, Faults& faults) {
  SubstitutionPass pass;
  for_each_line(text.text, [&](std::string_view line, uint32_t number) {
    if (line.size() > kMaxSubstitutionLine) {
      return faults.add(
          fault_in(text.name, number, fmt::format("longer than {} bytes", kMaxSubstitutionLine)));
    }
    if (line.find('\0') != std::string_view::npos) {
      return faults.add(fault_in(text.name, number, "a NUL byte"));
    }
    std::string_view rest = line;
    std::string_view alias = take_field(rest), original = take_field(rest);
    if (alias.empty() || alias[0] == '#' || original.empty()) return;
    pass.push_back({std::string(alias), std::string(original)});
  });
  std::reverse(pass.begin(), pass.end());
  if (!pass.empty()) passes.push_back(std::move(pass));
}

void FileContexts::Data::check_contradictions(Contradictions contradictions, Faults& faults) {
  // The latest rule of a pattern; `earlier` leads on to the one before it. No more than one of each
  // type stands between two without a type, so the way to a rule that overlaps is short.
  constexpr uint32_t kNone = UINT32_MAX;
  std::unordered_map<std::string_view, uint32_t> latest;
  std::vector<uint32_t> earlier(rules.size(), kNone);
  latest.reserve(rules.size());
  for (uint32_t i = 0; i < rules.size() && rules[i].file == 0; ++i) {
    const ContextRule& rule = rules[i];
    auto [head, is_new] = latest.try_emplace(rule.pattern, i);
    if (is_new) continue;
    uint32_t other = head->second;
    while (other != kNone && !overlap(rule.type, rules[other].type)) other = earlier[other];
    if (other == kNone || rules[other].type != rule.type) {
      earlier[i] = std::exchange(head->second, i);
    }
    if (other == kNone) continue;
    const ContextRule& first = rules[other];
    const std::string what =
        rule.context == first.context
            ? fmt::format("'{}' has this context already in line {}", rule.pattern, first.line)
            : fmt::format("'{}' has another context, '{}', in line {}", rule.pattern,
                          first.context.text(), first.line);
    if (rule.context == first.context || contradictions == Contradictions::kLastWins) {
      warnings.push_back(fmt::format("{}: {}", place_of(rule), what));
    } else {
      faults.add(fault_in(files[0], rule.line, what));
    }
  }
}

void FileContexts::Data::compile(Faults& faults) {
  std::vector<RuleMatcher::BadPattern> bad;
  matcher = std::make_unique<RuleMatcher>(rules, bad);
  std::sort(bad.begin(), bad.end(), [](const auto& a, const auto& b) { return a.rule < b.rule; });
  for (const RuleMatcher::BadPattern& one : bad) {
    const ContextRule& rule = rules[one.rule];
    faults.add(fault_in(files[rule.file], rule.line,
                        fmt::format("bad pattern '{}': {}", rule.pattern, one.reason)));
  }
}

std::string_view FileContexts::Data::substituted(std::string_view path, std::string& first,
                                                 std::string& second) const {
  if (!is_clean(path)) {
    first = cleaned(path);
    path = first;
  }
  for (const SubstitutionPass& pass : passes) {
    if (substitute(pass, path, second)) {
      std::swap(first, second);
      path = first;
    }
  }
  return path;
}

FileContexts::FileContexts() : FileContexts(parse({})) {}
FileContexts::FileContexts(std::shared_ptr<const Data> data) : data_(std::move(data)) {}

FileContexts FileContexts::parse(const FileContextsText& text, Contradictions contradictions) {
  auto data = std::make_shared<Data>();
  Faults faults;
  for (const NamedText& rules : text.rules) data->parse_rules(rules, faults);
  for (const NamedText& subs : text.substitutions) data->parse_substitutions(subs, faults);
  data->check_contradictions(contradictions, faults);
  data->compile(faults);
  faults.throw_if_any();
  return FileContexts(std::move(data));
}

FileContexts FileContexts::load(const std::string& path,
                                std::span<const std::string> more_substitutions,
                                Contradictions contradictions) {
  namespace fs = std::filesystem;
  std::error_code failure;
  auto exists = [&](const std::string& name) {
    const bool found = fs::exists(name, failure);
    if (failure) imagefmt::throw_errno(fmt::format("find '{}'", name), failure.value());
    return found;
  };
  FileContextsText text;
  text.rules.push_back({path, imagefmt::read_file(path)});
  for (const char* suffix : {".homedirs", ".local"}) {
    std::string name = path + suffix;
    if (exists(name)) text.rules.push_back({name, imagefmt::read_file(name)});
  }
  std::vector<fs::path> read;
  auto add_substitutions = [&](const std::string& name) {
    const fs::path canonical = fs::weakly_canonical(name, failure);
    if (failure) imagefmt::throw_errno(fmt::format("find '{}'", name), failure.value());
    if (std::find(read.begin(), read.end(), canonical) != read.end()) return;
    read.push_back(canonical);
    text.substitutions.push_back({name, imagefmt::read_file(name)});
  };
  for (const char* suffix : {".subs", ".subs_dist"}) {
    if (exists(path + suffix)) add_substitutions(path + suffix);
  }
  for (const std::string& name : more_substitutions) add_substitutions(name);
  return parse(text, contradictions);
}

const ContextRule* FileContexts::lookup(std::string_view path, FileType type) const {
  std::string first, second;
  std::string_view key = data_->substituted(path, first, second);
  return key.empty() || data_->rules.empty() ? nullptr : data_->matcher->best(key, type);
}

std::vector<const ContextRule*> FileContexts::matches(std::string_view path) const {
  const std::string key = substituted(path);
  if (key.empty()) return {};
  return data_->matcher->all(key);
}

std::string FileContexts::substituted(std::string_view path) const {
  std::string first, second;
  return std::string(data_->substituted(path, first, second));
}

std::span<const ContextRule> FileContexts::rules() const {
  return data_->rules;
}
const std::vector<std::string>& FileContexts::files() const {
  return data_->files;
}
std::string FileContexts::place_of(const ContextRule& rule) const {
  return data_->place_of(rule);
}
const std::vector<std::string>& FileContexts::warnings() const {
  return data_->warnings;
}

}  // namespace policy
