// SPDX-License-Identifier: Apache-2.0
#include "policy/exact_contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "policy/text_lines.h"

namespace policy {

namespace {

// Of a pattern whose path another path continues with a newline: its end holds before that, too.
constexpr std::string_view kNoNewline = "(?!\\n)";

constexpr std::string_view kMeta = ".^$?*+|[({";
// An escape of anything that is no metacharacter would make a stem that no path has.
constexpr std::string_view kOthers = "\\)]}";
constexpr std::string_view kSpecial = ".^$?*+|[({\\)]}";

std::optional<uint8_t> parse_hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

/// Appends to `path` what escape_pattern() was given. False if that does not write such a pattern.
bool append_path(std::string_view pattern, std::string& path) {
  if (pattern.ends_with(kNoNewline)) pattern.remove_suffix(kNoNewline.size());
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      if (++i == pattern.size() || kMeta.find(pattern[i]) == std::string_view::npos) return false;
      path += pattern[i];
    } else if (c == '[') {
      if (pattern.size() - i < 6 || pattern.substr(i, 3) != "[\\x" || pattern[i + 5] != ']') {
        return false;
      }
      const std::optional<uint8_t> high = parse_hex_digit(pattern[i + 3]);
      const std::optional<uint8_t> low = parse_hex_digit(pattern[i + 4]);
      if (!high || !low) return false;
      path += static_cast<char>(*high << 4 | *low);
      i += 5;
    } else if (kSpecial.find(c) != std::string_view::npos) {
      return false;
    } else {
      path += c;
    }
  }
  return true;
}

bool prints(char c) {
  return c > ' ' && c <= '~';
}

FileType parse_type(std::string_view field) {
  for (FileType type = FileType::kRegular; type <= FileType::kSocket;
       type = static_cast<FileType>(static_cast<uint8_t>(type) + 1)) {
    if (type_field(type) == field) return type;
  }
  return FileType::kAny;
}

}  // namespace

std::string escape_pattern(std::string_view path) {
  std::string pattern;
  pattern.reserve(path.size());
  for (char c : path) {
    if (!prints(c) || kOthers.find(c) != std::string_view::npos) {
      pattern += fmt::format("[\\x{:02x}]", static_cast<uint8_t>(c));
    } else {
      if (kMeta.find(c) != std::string_view::npos) pattern += '\\';
      pattern += c;
    }
  }
  return pattern;
}

std::string serialize_exact_contexts(const imagefmt::FileTree& tree) {
  struct Row {
    std::string path;
    FileType type;
    imagefmt::Label label;
  };
  std::vector<Row> rows;
  std::unordered_set<std::string> with_newline;  // names that end in one
  walk(tree, [&](const std::string& path, const imagefmt::Node& node) {
    rows.push_back({path, type_of(node), node.label});
    if (path.ends_with('\n')) with_newline.insert(path);
  });
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.path < b.path; });
  std::string text;
  for (const Row& row : rows) {
    text += escape_pattern(row.path);
    // A pattern's end holds before a newline, too.
    if (with_newline.count(row.path + '\n')) text += kNoNewline;
    text += fmt::format("\t{}\t{}\n", type_field(row.type), row.label.text());
  }
  return text;
}

struct ExactContexts::Data {
  std::string name, text;
  std::string unescaped;  // paths that `text` does not hold as they are; never grows
  std::vector<ExactRule> rules;
  std::vector<uint32_t> slots;  // a hash table: 1 + index into rules, 0 for none

  /// The slot where the rule of `path` is, or would be.
  size_t slot_of(std::string_view path) const {
    const size_t mask = slots.size() - 1;
    size_t slot = std::hash<std::string_view>()(path) & mask;
    while (slots[slot] != 0 && rules[slots[slot] - 1].path != path) slot = (slot + 1) & mask;
    return slot;
  }
  bool add_rules();
  bool add_rule(std::string_view line, uint32_t number);
  bool index();

  std::unordered_map<std::string_view, imagefmt::Label> contexts;  // keys lie in the labels
};

bool ExactContexts::Data::add_rules() {
  unescaped.reserve(text.size());
  rules.reserve(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')));
  bool all = true;
  for_each_line(text, [&](std::string_view line, size_t number) {
    all = all && (is_comment(line) || add_rule(line, static_cast<uint32_t>(number)));
  });
  return all && !rules.empty();
}

bool ExactContexts::Data::add_rule(std::string_view line, uint32_t number) {
  const std::vector<std::string_view> fields = split_blanks(line);
  if (fields.size() != 3 || fields[0][0] != '/' || fields[2] == "<<none>>" ||
      !std::all_of(fields[0].begin(), fields[0].end(), prints)) {
    return false;
  }
  ExactRule rule;
  rule.pattern = rule.path = fields[0];
  rule.line = number;
  rule.type = parse_type(fields[1]);
  if (rule.type == FileType::kAny) return false;
  if (fields[0].find_first_of(kSpecial) != std::string_view::npos) {
    const size_t start = unescaped.size();
    if (!append_path(fields[0], unescaped)) return false;
    rule.path = std::string_view(unescaped).substr(start);
  }
  auto known = contexts.find(fields[2]);
  if (known == contexts.end()) {
    imagefmt::Label label(fields[2]);
    known = contexts.emplace(label.text(), label).first;
  }
  rule.context = known->second;
  rules.push_back(std::move(rule));
  return true;
}

/// False if two rules speak of one path.
bool ExactContexts::Data::index() {
  slots.assign(std::bit_ceil(2 * rules.size() + 1), 0);
  for (uint32_t i = 0; i < rules.size(); ++i) {
    uint32_t& slot = slots[slot_of(rules[i].path)];
    if (slot != 0) return false;
    slot = i + 1;
  }
  return true;
}

ExactContexts::ExactContexts(std::unique_ptr<const Data> data) : data_(std::move(data)) {}
ExactContexts::ExactContexts(ExactContexts&&) noexcept = default;
ExactContexts& ExactContexts::operator=(ExactContexts&&) noexcept = default;
ExactContexts::~ExactContexts() = default;

std::optional<ExactContexts> ExactContexts::parse(std::string text, std::string name) {
  auto data = std::make_unique<Data>();
  data->name = std::move(name);
  data->text = std::move(text);
  if (!data->add_rules() || !data->index()) return std::nullopt;
  return ExactContexts(std::move(data));
}

const ExactRule* ExactContexts::find(std::string_view path) const {
  const uint32_t found = data_->slots[data_->slot_of(path)];
  return found == 0 ? nullptr : &data_->rules[found - 1];
}

std::span<const ExactRule> ExactContexts::rules() const {
  return data_->rules;
}
const std::string& ExactContexts::name() const {
  return data_->name;
}

}  // namespace policy
