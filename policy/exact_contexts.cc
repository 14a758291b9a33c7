// SPDX-License-Identifier: Apache-2.0
#include "policy/exact_contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "policy/contexts.h"

namespace policy {

std::string escape_pattern(std::string_view path) {
  std::string pattern;
  pattern.reserve(path.size());
  for (char c : path) {
    constexpr std::string_view kMeta = ".^$?*+|[({";
    // An escape of anything that is no metacharacter would make a stem that no path has.
    constexpr std::string_view kOthers = "\\)]}";
    if (c <= ' ' || c > '~' || kOthers.find(c) != std::string_view::npos) {
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
    if (with_newline.count(row.path + '\n')) text += "(?!\\n)";
    text += fmt::format("\t{}\t{}\n", type_field(row.type), row.label.text());
  }
  return text;
}

}  // namespace policy
