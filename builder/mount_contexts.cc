// SPDX-License-Identifier: Apache-2.0
#include "builder/mount_contexts.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "builder/links.h"
#include "builder/text.h"
#include "builder/unit_search.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Faults;
using imagefmt::FileTree;

namespace {

constexpr uint64_t kFileLimit = 16 << 20;
constexpr std::string_view kFstab = "/etc/fstab";

/// `a,b="c,d"` in its parts. A context has commas of its own, between quotes.
std::vector<std::string_view> split_options(std::string_view text) {
  std::vector<std::string_view> parts;
  bool quoted = false;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '"') quoted = !quoted;
    if (i < text.size() && (text[i] != ',' || quoted)) continue;
    parts.push_back(text.substr(start, i - start));
    start = i + 1;
  }
  return parts;
}

/// The fourth field of a line of fstab; empty if there is none.
std::string_view fstab_options(std::string_view line) {
  std::string_view field;
  for (int i = 0; i < 4; ++i) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    field = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(field.size());
  }
  return field;
}

class Check {
 public:
  explicit Check(const std::function<bool(std::string_view)>& accepts) : accepts_(accepts) {}

  void options(std::string_view text, std::string_view file) {
    for (std::string_view option : split_options(text)) {
      const size_t equals = option.find('=');
      if (equals == option.npos) continue;
      const std::string_view key = option.substr(0, equals);
      std::string_view context = option.substr(equals + 1);
      if (key != "context" && key != "rootcontext" && key != "fscontext" && key != "defcontext") {
        continue;
      }
      if (context.size() >= 2 && context.front() == '"' && context.back() == '"') {
        context = context.substr(1, context.size() - 2);
      }
      if (key == "rootcontext" && context == "@target") continue;  // what the mount point has
      if (accepts_(context)) continue;
      faults_.add(fmt::format("cannot mount by '{}': the policy does not know {} ({}=)", file,
                              in_quotes(context), key));
    }
  }
  void throw_if_any() const { faults_.throw_if_any(); }

 private:
  const std::function<bool(std::string_view)>& accepts_;
  Faults faults_;
};

void check_unit(const FileTree& tree, const UnitLocation& unit, Check& check) {
  std::string options, from;
  auto apply = [&](const std::string& file) {
    for (Assignment& assignment :
         parse_unit_file(read_text_at(tree, file, kFileLimit)).assignments) {
      if (assignment.section != "Mount" || assignment.key != "Options") continue;
      options = std::move(assignment.value);
      from = file;
    }
  };
  apply(unit.file);
  for (const std::string& file : unit.drop_ins) apply(file);
  check.options(options, from);
}

}  // namespace

void check_mount_contexts(const FileTree& tree,
                          const std::function<bool(std::string_view)>& accepts) {
  Check check(accepts);
  auto is_mount = [](std::string_view type) { return type == "mount"; };
  for (const UnitLocation& unit : find_units(tree, UnitManager::kSystem, is_mount)) {
    if (unit.state == UnitLocation::State::kFound) check_unit(tree, unit, check);
  }
  if (std::optional<Found> fstab = find_following(tree, kFstab); fstab && fstab->node->regular()) {
    const std::string text = read_text_at(tree, kFstab, kFileLimit);
    LineReader lines(text);
    for (std::string_view line; lines.next(line);) {
      if (!line.starts_with('#')) check.options(fstab_options(line), kFstab);
    }
  }
  check.throw_if_any();
}

}  // namespace builder
