// SPDX-License-Identifier: Apache-2.0
#include "policy/projection.h"

#include <algorithm>
#include <cassert>

namespace policy {
namespace {

constexpr int kMaxRenamings = 8;  // of one file, one after the other

const LabelRule* first_that_fits(const std::vector<const LabelRule*>& rules,
                                 const StoreFile& file) {
  for (const LabelRule* rule : rules) {
    if (fits(*rule, file.inner, file.type, file.is_executable)) return rule;
  }
  return nullptr;
}

std::string replace_stars(std::string_view text, std::string_view by) {
  std::string replaced;
  for (char c : text) {
    if (c == '*') {
      replaced += by;
    } else {
      replaced += c;
    }
  }
  return replaced;
}

}  // namespace

Projection::Projection(const LabelRules& rules, const std::vector<StorePath>& store_paths,
                       const imagefmt::Node* store) {
  std::unordered_map<std::string_view, StorePathRole> roles;
  for (const StorePath& path : store_paths) roles[path.base_name] = path.role;
  for (const LabelRule& rule : rules.rules()) {
    if (rule.selects == LabelRule::Selects::kFile) renamings_.push_back(&rule);
  }
  if (!store || !store->directory()) return;
  for (const imagefmt::Entry& entry : store->directory()->entries) {
    const auto role = roles.find(entry.name);
    const StorePath path = {entry.name,
                            role == roles.end() ? StorePathRole::kPackage : role->second};
    Selected& selected = selected_[entry.name];
    for (const LabelRule& rule : rules.rules()) {
      if (selects(rule, path)) (rule.labels() ? selected.labels : selected.places).push_back(&rule);
    }
  }
}

const Projection::Selected& Projection::selected_for(const StoreFile& file) const {
  const auto selected = selected_.find(file.base_name);
  assert(selected != selected_.end());
  return selected->second;
}

const LabelRule* Projection::find_label(const StoreFile& file) const {
  return first_that_fits(selected_for(file).labels, file);
}

SeenAs Projection::see(const StoreFile& file) const {
  const LabelRule* rule = first_that_fits(selected_for(file).places, file);
  assert(rule);  // our last ones fit whatever comes
  SeenAs seen = {.rules = {rule}, .places = {}};
  std::string_view star, rest = file.inner;
  if (rule->selects == LabelRule::Selects::kName) {
    star = *match_glob(rule->selector, derivation_name(file.base_name));
  }
  rest.remove_prefix(rule->inner.size());
  if (rest.starts_with('/')) rest.remove_prefix(1);
  for (const std::string& place : rule->places) {
    std::string& path = seen.places.emplace_back(replace_stars(place, star));
    if (rest.empty()) continue;
    if (path.back() != '/') path += '/';
    path += rest;
  }
  if (file.type == FileType::kRegular && !rest.empty()) {
    rename(file.inner.substr(file.inner.rfind('/') + 1), seen);
  }
  return seen;
}

void Projection::rename(std::string_view file_name, SeenAs& seen) const {
  const size_t count = seen.places.size();
  std::string from(file_name);
  for (int i = 0; i < kMaxRenamings; ++i) {
    std::optional<std::string_view> star;
    const auto rule = std::ranges::find_if(renamings_, [&](const LabelRule* candidate) {
      star = match_glob(candidate->selector, from);
      return star.has_value();
    });
    if (rule == renamings_.end()) return;
    std::string to = replace_stars((*rule)->places[0], *star);
    if (to.empty() || to == from) return;
    for (size_t place = 0; place < count; ++place) {
      std::string path = seen.places[place];
      path.replace(path.size() - file_name.size(), file_name.size(), to);
      seen.places.push_back(std::move(path));
    }
    seen.rules.push_back(*rule);
    from = std::move(to);
  }
}

}  // namespace policy
