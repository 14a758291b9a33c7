// SPDX-License-Identifier: Apache-2.0
#include "policy/label.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"
#include "policy/projection.h"
#include "policy/sightings.h"

namespace policy {
namespace {

using imagefmt::Entry;
using imagefmt::FileTree;
using imagefmt::Node;
using Reason = Explanation::Reason;

constexpr std::string_view kStoreFolder = "/nix/store";
constexpr std::string_view kStore = "/nix/store/";
constexpr std::string_view kNix = "/nix/";

bool is_catch_all(const ContextRule& rule) {
  constexpr std::array<std::string_view, 5> kForms = {"/.*", ".*", "/(.*)?", "(/.*)?", "/(.*)"};
  return std::find(kForms.begin(), kForms.end(), rule.pattern) != kForms.end();
}

/// Of two rules for one node, the greater counts.
std::tuple<bool, uint32_t> weight(const ContextRule& rule) {
  return {rule.is_literal, rule.prefix_bytes};
}

struct Choice {
  Reason reason = Reason::kRule;
  const ContextRule* rule = nullptr;
  std::string place;
};

/// A rule and the place that it was found for; none where only the catch-all speaks.
struct Candidate {
  const ContextRule* rule = nullptr;
  const std::string* place = nullptr;
};

class Labeller {
 public:
  Labeller(const FileTree& tree, const LabelInput& input)
      : input_(input), contexts_(input.contexts), projection_(input.store_paths) {
    is_catch_all_.reserve(contexts_.rules().size());
    std::unordered_map<std::string_view, bool> known;
    for (const ContextRule& rule : contexts_.rules()) {
      is_catch_all_.push_back(is_catch_all(rule));
      auto [place, is_new] = known.try_emplace(rule.context.text(), true);
      if (is_new && input.context_is_valid && !rule.is_none()) {
        place->second = input.context_is_valid(rule.context.text());
      }
      is_valid_.push_back(place->second);
    }
    if (!input.project_store) return;
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

  /// Throws an Error that names the path if there is no label for it.
  Choice choose(const std::string& path, const Node& node) const {
    Choice choice = choose_rule(path, node);
    if (choice.rule->is_none()) {
      choice.reason = Reason::kFolder;
    } else if (!is_valid_[contexts_.index_of(*choice.rule)]) {
      throw imagefmt::Error(fmt::format("cannot label '{}': the policy does not know '{}' ({}: {})",
                                        path, choice.rule->context.text(),
                                        contexts_.place_of(*choice.rule), choice.rule->pattern));
    }
    return choice;
  }

  std::vector<std::string> places_of(const std::string& path, const Node& node) const {
    std::vector<std::string> places;
    if (!in_store(path)) return {path};
    SeenAs seen = see(path, node);
    auto sighted = sightings_.find(&node);
    if (!seen.is_skeleton && sighted != sightings_.end()) places = sighted->second;
    places.insert(places.begin(), seen.places.begin(), seen.places.end());
    return places;
  }

  bool counts_as_catch_all(const ContextRule& rule) const {
    return is_catch_all_[contexts_.index_of(rule)];
  }

 private:
  bool in_store(std::string_view path) const {
    return input_.project_store && path.starts_with(kStore);
  }

  const ContextRule* find_rule(std::string_view place, FileType type) const {
    const ContextRule* rule = contexts_.lookup(place, type);
    return rule && input_.project_store && counts_as_catch_all(*rule) ? nullptr : rule;
  }

  SeenAs see(std::string_view path, const Node& node) const {
    std::string_view rest = path.substr(kStore.size());
    std::string_view base = rest.substr(0, rest.find('/'));
    return projection_.see(base, rest.substr(std::min(rest.size(), base.size() + 1)), type_of(node),
                           (node.mode & 0111) != 0);
  }

  Choice choose_rule(const std::string& path, const Node& node) const {
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
    return {Reason::kRule, rule, path};
  }

  Choice choose_for_store(const std::string& path, const Node& node) const {
    const FileType type = type_of(node);
    SeenAs seen = see(path, node);
    if (seen.is_skeleton) return skeleton(path);
    Candidate own = best_of(seen.places, type);
    Candidate linked;
    auto sighted = sightings_.find(&node);
    if (sighted != sightings_.end()) {
      linked = best_of(sighted->second, type);
      const bool linked_counts =
          linked.rule && (!own.rule || seen.is_guess || weight(*linked.rule) > weight(*own.rule));
      if (linked_counts) {
        check_agreement(path, sighted->second, linked, type);
        return {Reason::kRule, linked.rule, *linked.place};
      }
    }
    if (own.rule) return {Reason::kRule, own.rule, *own.place};
    // A link of a store path itself, which nothing in the root leads to.
    if (seen.places.empty()) return skeleton(path);
    throw_no_rule(path, seen.places, type);
  }

  Candidate best_of(const std::vector<std::string>& places, FileType type) const {
    Candidate best;
    for (const std::string& place : places) {
      const ContextRule* rule = find_rule(place, type);
      if (rule && (!best.rule || weight(*rule) > weight(*best.rule))) best = {rule, &place};
    }
    return best;
  }

  void check_agreement(const std::string& path, const std::vector<std::string>& places,
                       const Candidate& best, FileType type) const {
    for (const std::string& place : places) {
      const ContextRule* rule = find_rule(place, type);
      if (!rule || weight(*rule) != weight(*best.rule) || rule->context == best.rule->context) {
        continue;
      }
      throw imagefmt::Error(
          fmt::format("cannot label '{}': the root's tree links to it from '{}', which gives '{}' "
                      "({}), and from "
                      "'{}', which gives '{}' ({})",
                      path, *best.place, best.rule->context.text(), contexts_.place_of(*best.rule),
                      place, rule->context.text(), contexts_.place_of(*rule)));
    }
  }

  Choice skeleton(const std::string& path) const {
    if (!skeleton_) {
      throw imagefmt::Error(fmt::format(
          "cannot label '{}': no rule for the store's own layout, neither for '/nix/store' nor for "
          "'/usr'",
          path));
    }
    return {Reason::kSkeleton, skeleton_, std::string(kStoreFolder)};
  }

  [[noreturn]] void throw_no_rule(const std::string& path, const std::vector<std::string>& places,
                                  FileType type) const {
    std::string seen = places[0] == path ? std::string() : fmt::format(", seen as '{}'", places[0]);
    const ContextRule* catch_all = contexts_.lookup(places[0], type);
    std::string but = catch_all ? fmt::format(" but the catch-all '{}' ({})", catch_all->pattern,
                                              contexts_.place_of(*catch_all))
                                : std::string();
    throw imagefmt::Error(fmt::format("cannot label '{}': no rule matches this {}{}{}", path,
                                      type_name(type), seen, but));
  }

  const LabelInput& input_;
  const FileContexts& contexts_;
  Projection projection_;
  Sightings sightings_;
  std::vector<bool> is_catch_all_, is_valid_;  // by rule
  const ContextRule* skeleton_ = nullptr;
};

/// The label of a node whose folder has `folder`, and the choice that led to it.
imagefmt::Label label_by(const Choice& choice, const std::string& path,
                         const imagefmt::Label& folder) {
  if (choice.reason != Reason::kFolder) return choice.rule->context;
  if (!folder.empty()) return folder;
  throw imagefmt::Error(
      fmt::format("cannot label '{}': its rule is <<none>>, and no folder is above it", path));
}

/// One thread's part of the work.
struct Tally {
  std::unordered_map<const ContextRule*, uint64_t> by_rule;
  uint64_t inodes = 0, by_skeleton = 0, by_folder = 0, by_catch_all = 0;
  std::map<std::string, uint64_t> by_context_of_folder;
  std::vector<std::pair<std::string, std::string>> faults;  // path, message
};

void label_node(const Labeller& labeller, const std::string& path, Node& node,
                const imagefmt::Label& folder, Tally& tally) {
  ++tally.inodes;
  try {
    Choice choice = labeller.choose(path, node);
    node.label = label_by(choice, path, folder);
    if (choice.reason == Reason::kFolder) {
      ++tally.by_folder;
      ++tally.by_context_of_folder[std::string(folder.text())];
      return;
    }
    ++tally.by_rule[choice.rule];
    if (choice.reason == Reason::kSkeleton) ++tally.by_skeleton;
    if (labeller.counts_as_catch_all(*choice.rule)) ++tally.by_catch_all;
  } catch (const imagefmt::Error& error) {
    tally.faults.emplace_back(path, error.what());
    node.label = folder;
  }
}

/// `path` is '/' or without a slash at its end. What `apart` holds is labelled by someone else.
void label_subtree(const Labeller& labeller, const std::string& path, Node& node,
                   const imagefmt::Label& folder, const Node* apart, Tally& tally) {
  label_node(labeller, path, node, folder, tally);
  if (&node == apart || !node.directory()) return;
  for (Entry& entry : node.directory()->entries) {
    label_subtree(labeller, path == "/" ? '/' + entry.name : path + '/' + entry.name, entry.node,
                  node.label, apart, tally);
  }
}

using VisitExpected = std::function<void(const std::string&, const Node&, const ExpectedLabel&)>;

/// Without its label, a folder hands down the one of the folder above it, as label() does.
void expect_subtree(const Labeller& labeller, std::string& path, const Node& node,
                    const imagefmt::Label& folder, const VisitExpected& visit) {
  ExpectedLabel expected;
  try {
    const Choice choice = labeller.choose(path, node);
    expected.label = label_by(choice, path, folder);
    expected.rule = choice.rule;
  } catch (const imagefmt::Error& error) {
    expected.fault = error.what();
  }
  visit(path, node, expected);
  if (!node.directory()) return;
  const imagefmt::Label& own = expected.label.empty() ? folder : expected.label;
  const size_t length = path.size();
  for (const Entry& entry : node.directory()->entries) {
    if (path.back() != '/') path += '/';
    path += entry.name;
    expect_subtree(labeller, path, entry.node, own, visit);
    path.resize(length);
  }
}

}  // namespace

LabelReport label(FileTree& tree, const LabelInput& input, imagefmt::Reporter& reporter) {
  const Labeller labeller(tree, input);
  imagefmt::Stage stage(reporter, "labelling", imagefmt::totals(tree).inodes, "inodes");

  // All but the store on this thread, then the store paths on as many as there are.
  Node* store = tree.find(kStoreFolder);
  if (store && !store->directory()) store = nullptr;
  const size_t store_paths = store ? store->directory()->entries.size() : 0;
  std::vector<Tally> tallies(1 + store_paths);
  label_subtree(labeller, "/", tree.root(), {}, store, tallies[0]);
  stage.advance(tallies[0].inodes);
  imagefmt::parallel_for(input.jobs, store_paths, [&](size_t i) {
    Entry& entry = store->directory()->entries[i];
    Tally& tally = tallies[1 + i];
    label_subtree(labeller, std::string(kStore) + entry.name, entry.node, store->label, nullptr,
                  tally);
    stage.advance(tally.inodes);
  });

  LabelReport report;
  std::vector<std::pair<std::string, std::string>> faults;
  for (Tally& tally : tallies) {
    report.inodes += tally.inodes;
    report.by_skeleton += tally.by_skeleton;
    report.by_folder += tally.by_folder;
    report.by_catch_all += tally.by_catch_all;
    for (const auto& [rule, count] : tally.by_rule) {
      report.by_rule[input.contexts.index_of(*rule)] += count;
      report.by_context[std::string(rule->context.text())] += count;
    }
    for (const auto& [context, count] : tally.by_context_of_folder) {
      report.by_context[context] += count;
    }
    std::move(tally.faults.begin(), tally.faults.end(), std::back_inserter(faults));
  }
  std::sort(faults.begin(), faults.end());
  imagefmt::Faults all;
  for (auto& [path, message] : faults) all.add(std::move(message));
  all.throw_if_any();
  return report;
}

void expect_labels(const FileTree& tree, const LabelInput& input, const VisitExpected& visit) {
  const Labeller labeller(tree, input);
  std::string path = "/";
  expect_subtree(labeller, path, tree.root(), {}, visit);
}

Explanation explain(const FileTree& tree, const LabelInput& input, std::string_view path) {
  const Node* node = tree.find(path);
  if (!node) {
    throw imagefmt::Error(fmt::format("cannot explain '{}': the image has no such path", path));
  }
  const Labeller labeller(tree, input);
  std::string own(path);
  Choice choice = labeller.choose(own, *node);
  Explanation explanation;
  explanation.reason = choice.reason;
  explanation.place = choice.place;
  if (choice.reason == Reason::kFolder) {
    if (own == "/") {
      throw imagefmt::Error("cannot label '/': its rule is <<none>>, and no folder is above it");
    }
    own.resize(std::max<size_t>(1, own.rfind('/')));
    explanation.label = explain(tree, input, own).label;
  } else {
    explanation.label = choice.rule->context;
  }
  explanation.rule = *choice.rule;
  for (std::string& place : labeller.places_of(std::string(path), *node)) {
    if (place != choice.place) explanation.other_places.push_back(std::move(place));
  }
  return explanation;
}

}  // namespace policy
