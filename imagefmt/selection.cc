// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "imagefmt/base/error.h"

namespace imagefmt {

namespace {

void prune_below(Directory& directory, std::string& path, const Selection& selection) {
  const size_t length = path.size();
  std::erase_if(directory.entries, [&](Entry& entry) {
    if (path.back() != '/') path += '/';
    path += entry.name;
    Directory* inner = entry.node.directory();
    const bool taken = selection.takes(path, inner != nullptr);
    if (taken && inner) prune_below(*inner, path, selection);
    path.resize(length);
    return !taken;
  });
}

/// Nothing for an empty field.
template <class T>
std::optional<T> parse_field(std::string_view text, std::string_view what, int base, T most) {
  if (text.empty()) return std::nullopt;
  T value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc() || end != text.data() + text.size() || value > most) {
    throw Error(base == 8 ? fmt::format("{} '{}', expected 0 to {:o} in octal", what, text, most)
                          : fmt::format("{} '{}', expected 0 to {}", what, text, most));
  }
  return value;
}

}  // namespace

void Selection::add(std::string_view pattern, bool takes) {
  PathPattern parsed(pattern);
  if (!takes && parsed.matches("/", true) && parsed.text() == "/") {
    throw Error("bad pattern '/': the root cannot be left out");
  }
  rules_.push_back({std::move(parsed), takes});
}

void Selection::add_lines(std::string_view text, std::string_view name) {
  Faults faults;
  for (size_t start = 0, number = 1; start < text.size(); ++number) {
    const size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const bool takes = line.starts_with('!');
    if (takes) line.remove_prefix(1);
    try {
      add(line, takes);
    } catch (const Error& error) {
      faults.add(fmt::format("{}:{}: {}", name, number, error.what()));
    }
  }
  faults.throw_if_any();
}

bool Selection::takes(std::string_view path, bool is_directory) const {
  const auto last = std::find_if(rules_.rbegin(), rules_.rend(), [&](const Rule& rule) {
    return rule.pattern.matches(path, is_directory);
  });
  return last == rules_.rend() || last->takes;
}

void prune(FileTree& tree, const Selection& selection) {
  if (selection.takes_all()) return;
  std::string path = "/";
  prune_below(*tree.root().directory(), path, selection);
}

OwnerRule parse_owner_rule(std::string_view text) {
  return with_context(fmt::format("bad owner '{}'", text), [&] {
    const size_t equals = text.rfind('=');
    const std::string_view owner = equals == text.npos ? "" : text.substr(equals + 1);
    const size_t first = owner.find(':');
    const size_t second = first == owner.npos ? first : owner.find(':', first + 1);
    if (second == owner.npos || owner.find(':', second + 1) != owner.npos || owner == "::") {
      throw Error("expected PATTERN=uid:gid:mode");
    }
    return OwnerRule{PathPattern(text.substr(0, equals)),
                     parse_field<uint32_t>(owner.substr(0, first), "uid", 10, UINT32_MAX - 1),
                     parse_field<uint32_t>(owner.substr(first + 1, second - first - 1), "gid", 10,
                                           UINT32_MAX - 1),
                     parse_field<uint16_t>(owner.substr(second + 1), "mode", 8, 07777)};
  });
}

namespace {

/// Runs `visit(rule, node)` for every node and each rule whose pattern matches it, in their order, and
/// gives the rules for which that was true of no node.
template <class Rule, class PatternOf, class Visit>
std::vector<const Rule*> apply(FileTree& tree, const std::vector<Rule>& rules,
                               const PatternOf& pattern_of, const Visit& visit) {
  std::vector<bool> used(rules.size());
  if (!rules.empty()) {
    walk(tree, [&](const std::string& path, Node& node) {
      for (size_t i = 0; i < rules.size(); ++i) {
        if (!pattern_of(rules[i]).matches(path, node.directory() != nullptr)) continue;
        if (visit(rules[i], node)) used[i] = true;
      }
    });
  }
  std::vector<const Rule*> unused;
  for (size_t i = 0; i < rules.size(); ++i) {
    if (!used[i]) unused.push_back(&rules[i]);
  }
  return unused;
}

}  // namespace

std::vector<const PathPattern*> set_uncompressed(FileTree& tree,
                                                 const std::vector<PathPattern>& patterns) {
  return apply(tree, patterns, std::identity(), [](const PathPattern&, Node& node) {
    Regular* file = std::get_if<Regular>(&node.kind);
    if (file) file->content.set_uncompressed();
    return file != nullptr;
  });
}

std::vector<const OwnerRule*> set_owners(FileTree& tree, const std::vector<OwnerRule>& rules) {
  return apply(
      tree, rules, [](const OwnerRule& rule) -> const PathPattern& { return rule.pattern; },
      [](const OwnerRule& rule, Node& node) {
        node.uid = rule.uid.value_or(node.uid);
        node.gid = rule.gid.value_or(node.gid);
        if (!node.symlink()) node.mode = rule.mode.value_or(node.mode);
        return true;
      });
}

}  // namespace imagefmt
