// SPDX-License-Identifier: Apache-2.0
#include "policy/labeller.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

#include "imagefmt/base/error.h"

namespace policy {
namespace {

using imagefmt::FileTree;
using imagefmt::Node;
using Reason = Explanation::Reason;

constexpr std::string_view kStoreFolder = "/nix/store";
constexpr std::string_view kStore = "/nix/store/";
constexpr std::string_view kNix = "/nix/";

/// Of two rules for one node, the greater counts.
std::tuple<bool, uint32_t> weight(const ContextRule& rule) {
  return {rule.is_literal, rule.prefix_bytes};
}

/// Whether contexts have a range (MLS and MCS policies), told by those of file_contexts.
bool have_ranges(const FileContexts& contexts) {
  return std::ranges::any_of(contexts.rules(), [](const ContextRule& rule) {
    return std::ranges::count(rule.context.text(), ':') > 2;
  });
}

StoreFile store_file(std::string_view path, const Node& node) {
  path.remove_prefix(kStore.size());
  const std::string_view base = path.substr(0, path.find('/'));
  return {base, path.substr(std::min(path.size(), base.size() + 1)), type_of(node),
          (node.mode & 0111) != 0};
}

}  // namespace

bool is_catch_all(const ContextRule& rule) {
  constexpr std::array<std::string_view, 5> kForms = {"/.*", ".*", "/(.*)?", "(/.*)?", "/(.*)"};
  return std::find(kForms.begin(), kForms.end(), rule.pattern) != kForms.end();
}

Labeller::Labeller(const FileTree& tree, const LabelInput& input)
    : input_(input),
      contexts_(input.contexts),
      projection_(input.label_rules, input.store_paths, tree.find(kStoreFolder)) {
  examine_rules();
  if (!input.project_store) return;
  examine_label_rules();
  std::vector<std::string> etc_trees;
  for (const StorePath& path : input.store_paths) {
    if (path.role == StorePathRole::kEtc) etc_trees.push_back(path.base_name);
  }
  sightings_ = find_sightings(tree, etc_trees);
  for (const char* place : {"/nix/store", "/nix", "/usr"}) {
    skeleton_ = find_rule(place, FileType::kDirectory);
    if (skeleton_ && !skeleton_->is_none()) break;
  }
}

void Labeller::examine_rules() {
  is_catch_all_.reserve(contexts_.rules().size());
  is_valid_.reserve(contexts_.rules().size());
  std::unordered_map<std::string_view, bool> known;
  for (const ContextRule& rule : contexts_.rules()) {
    is_catch_all_.push_back(is_catch_all(rule));
    auto [place, is_new] = known.try_emplace(rule.context.text(), true);
    if (is_new && input_.context_is_valid && !rule.is_none()) {
      place->second = input_.context_is_valid(rule.context.text());
    }
    is_valid_.push_back(place->second);
  }
}

void Labeller::examine_label_rules() {
  const std::string_view range = have_ranges(contexts_) ? ":s0" : "";
  imagefmt::Faults faults;
  for (const LabelRule& rule : input_.label_rules.rules()) {
    imagefmt::Label& label = labels_.emplace_back();
    if (!rule.labels()) continue;
    label = imagefmt::Label(rule.context.find(':') == std::string::npos
                                ? fmt::format("system_u:object_r:{}{}", rule.context, range)
                                : rule.context);
    if (!input_.context_is_valid || input_.context_is_valid(label.text())) continue;
    faults.add(fmt::format("cannot apply label rule {}: the policy does not know '{}'",
                           input_.label_rules.place_of(rule), label.text()));
  }
  faults.throw_if_any();
}

Choice Labeller::choose(const std::string& path, const Node& node) const {
  Choice choice = choose_rule(path, node);
  if (!choice.rule) return choice;
  if (choice.rule->is_none()) {
    choice.reason = Reason::kFolder;
  } else if (!is_valid_[contexts_.index_of(*choice.rule)]) {
    throw imagefmt::Error(fmt::format("cannot label '{}': the policy does not know '{}' ({}: {})",
                                      path, choice.rule->context.text(),
                                      contexts_.place_of(*choice.rule), choice.rule->pattern));
  }
  return choice;
}

imagefmt::Label Labeller::label_by(const Choice& choice, const std::string& path,
                                   const imagefmt::Label& folder) const {
  if (choice.reason == Reason::kLabelRule) return label_of(*choice.label_rule);
  if (choice.reason != Reason::kFolder) return choice.rule->context;
  if (!folder.empty()) return folder;
  throw imagefmt::Error(
      fmt::format("cannot label '{}': its rule is <<none>>, and no folder is above it", path));
}

std::vector<std::string> Labeller::places_of(const std::string& path, const Node& node) const {
  if (!in_store(path)) return {path};
  SeenAs seen = projection_.see(store_file(path, node));
  const LabelRule& by = *seen.rules.front();
  if (!by.is_skeleton || by.is_guess) {
    const std::vector<std::string> links = links_to(node);
    seen.places.insert(seen.places.end(), links.begin(), links.end());
  }
  return std::move(seen.places);
}

std::vector<std::string> Labeller::links_to(const Node& node) const {
  const auto sighted = sightings_.find(&node);
  return sighted == sightings_.end() ? std::vector<std::string>() : sighted->second;
}

bool Labeller::counts_as_catch_all(const ContextRule& rule) const {
  return is_catch_all_[contexts_.index_of(rule)];
}

const imagefmt::Label& Labeller::label_of(const LabelRule& rule) const {
  return labels_[input_.label_rules.index_of(rule)];
}

bool Labeller::in_store(std::string_view path) const {
  return input_.project_store && path.starts_with(kStore);
}

const ContextRule* Labeller::find_rule(std::string_view place, FileType type) const {
  const ContextRule* rule = contexts_.lookup(place, type);
  return rule && input_.project_store && counts_as_catch_all(*rule) ? nullptr : rule;
}

Choice Labeller::choose_rule(const std::string& path, const Node& node) const {
  const FileType type = type_of(node);
  if (in_store(path)) return choose_for_store(path, node);
  const ContextRule* rule = find_rule(path, type);
  if (input_.project_store) {
    const bool at_top = path.size() > 1 && path.rfind('/') == 0;
    const bool is_root_link =
        at_top && type == FileType::kSymlink && !(rule && rule->type == FileType::kSymlink);
    const bool is_nix = path == "/nix" || path == kStoreFolder;
    if (is_root_link || is_nix || (!rule && path.starts_with(kNix))) return skeleton(path);
  }
  if (!rule) throw_no_rule(path, {path}, type);
  return {.rule = rule, .place = path};
}

Choice Labeller::choose_for_store(const std::string& path, const Node& node) const {
  const StoreFile file = store_file(path, node);
  if (const LabelRule* rule = projection_.find_label(file)) {
    return {.reason = Reason::kLabelRule, .label_rule = rule, .fitting = {rule}};
  }
  SeenAs seen = projection_.see(file);
  Choice choice = choose_place(path, node, seen);
  choice.fitting = std::move(seen.rules);
  return choice;
}

Choice Labeller::choose_place(const std::string& path, const Node& node, const SeenAs& seen) const {
  const FileType type = type_of(node);
  const LabelRule& by = *seen.rules.front();
  if (by.is_skeleton && !by.is_guess) return skeleton(path, &by);
  const Candidate own = best_of(seen.places, type);
  const auto sighted = sightings_.find(&node);
  if (sighted != sightings_.end()) {
    const Candidate linked = best_of(sighted->second, type);
    const bool linked_counts =
        linked.rule && (!own.rule || by.is_guess || weight(*linked.rule) > weight(*own.rule));
    if (linked_counts) {
      check_agreement(path, sighted->second, linked, type);
      return {.rule = linked.rule, .place = *linked.place};
    }
  }
  if (own.rule) return {.rule = own.rule, .label_rule = &by, .place = *own.place};
  if (by.is_skeleton) return skeleton(path, &by);
  throw_no_rule(path, seen.places, type);
}

Labeller::Candidate Labeller::best_of(const std::vector<std::string>& places, FileType type) const {
  Candidate best;
  for (const std::string& place : places) {
    const ContextRule* rule = find_rule(place, type);
    if (rule && (!best.rule || weight(*rule) > weight(*best.rule))) best = {rule, &place};
  }
  return best;
}

void Labeller::check_agreement(const std::string& path, const std::vector<std::string>& places,
                               const Candidate& best, FileType type) const {
  for (const std::string& place : places) {
    const ContextRule* rule = find_rule(place, type);
    if (!rule || weight(*rule) != weight(*best.rule) || rule->context == best.rule->context) {
      continue;
    }
    throw imagefmt::Error(fmt::format(
        "cannot label '{}': the root's tree links to it from '{}', which gives '{}' ({}), and from "
        "'{}', which gives '{}' ({})",
        path, *best.place, best.rule->context.text(), contexts_.place_of(*best.rule), place,
        rule->context.text(), contexts_.place_of(*rule)));
  }
}

Choice Labeller::skeleton(const std::string& path, const LabelRule* by) const {
  if (!skeleton_) {
    throw imagefmt::Error(fmt::format(
        "cannot label '{}': no rule for the store's own layout, neither for '/nix/store' nor for "
        "'/usr'",
        path));
  }
  return {.reason = Reason::kSkeleton,
          .rule = skeleton_,
          .label_rule = by,
          .place = std::string(kStoreFolder)};
}

void Labeller::throw_no_rule(const std::string& path, const std::vector<std::string>& places,
                             FileType type) const {
  std::string seen = places[0] == path ? std::string() : fmt::format(", seen as '{}'", places[0]);
  const ContextRule* catch_all = contexts_.lookup(places[0], type);
  std::string but = catch_all ? fmt::format(" but the catch-all '{}' ({})", catch_all->pattern,
                                            contexts_.place_of(*catch_all))
                              : std::string();
  throw imagefmt::Error(fmt::format("cannot label '{}': no rule matches this {}{}{}", path,
                                    type_name(type), seen, but));
}

}  // namespace policy
