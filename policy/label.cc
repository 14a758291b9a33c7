// SPDX-License-Identifier: Apache-2.0
#include "policy/label.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"
#include "policy/labeller.h"
#include "policy/similar.h"
#include "policy/text_lines.h"

namespace policy {
namespace {

using imagefmt::Entry;
using imagefmt::FileTree;
using imagefmt::Node;
using Reason = Explanation::Reason;

constexpr std::string_view kStoreFolder = "/nix/store";

/// One thread's part of the work.
struct Tally {
  std::unordered_map<const ContextRule*, uint64_t> by_rule;
  std::unordered_map<const LabelRule*, uint64_t> by_label_rule;
  uint64_t inodes = 0, by_skeleton = 0, by_folder = 0, by_catch_all = 0;
  std::map<std::string, uint64_t> by_context_of_folder;
  std::vector<std::pair<std::string, std::string>> faults;  // path, message
};

void label_node(const Labeller& labeller, const std::string& path, Node& node,
                const imagefmt::Label& folder, Tally& tally) {
  ++tally.inodes;
  try {
    Choice choice = labeller.choose(path, node);
    node.label = labeller.label_by(choice, path, folder);
    for (const LabelRule* rule : choice.fitting) ++tally.by_label_rule[rule];
    if (choice.reason == Reason::kLabelRule) return;
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
    expected.label = labeller.label_by(choice, path, folder);
    expected.rule = choice.rule;
    expected.label_rule = choice.label_rule;
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

/// As walks spell it: find() skips slashes that are too many.
std::string cleaned(std::string_view path) {
  std::string clean;
  for (std::string_view name : split(path, '/')) {
    if (!name.empty()) (clean += '/') += name;
  }
  return clean.empty() ? "/" : clean;
}

/// Of what lies in the store, sorted, each once.
std::vector<std::string> package_names(const FileTree& tree) {
  std::vector<std::string> names;
  if (const Node* store = tree.find(kStoreFolder); store && store->directory()) {
    for (const Entry& entry : store->directory()->entries) {
      names.emplace_back(package_name(derivation_name(entry.name)));
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// A user's rule that does nothing is a slip of the pen, or a label that somebody relies on.
void warn_of_unused(const FileTree& tree, const LabelRules& rules, const LabelReport& report,
                    imagefmt::Reporter& reporter) {
  if (rules.count_of_user() == 0) return;
  const std::vector<std::string> packages = package_names(tree);
  for (const LabelRule& rule : rules.rules().first(rules.count_of_user())) {
    if (report.by_label_rule.contains(rules.index_of(rule))) continue;
    const bool is_strange = rule.selects == LabelRule::Selects::kPackage &&
                            !std::ranges::binary_search(packages, rule.selector);
    reporter.warn(fmt::format("label rule {} matches no inode: {}{}", rules.place_of(rule),
                              rule.text,
                              is_strange ? mention_similar(rule.selector, packages) : ""));
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
    label_subtree(labeller, fmt::format("{}/{}", kStoreFolder, entry.name), entry.node,
                  store->label, nullptr, tally);
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
    for (const auto& [rule, count] : tally.by_label_rule) {
      report.by_label_rule[input.label_rules.index_of(*rule)] += count;
      if (rule->labels()) {
        report.by_context[std::string(labeller.label_of(*rule).text())] += count;
      }
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
  if (input.project_store) warn_of_unused(tree, input.label_rules, report, reporter);
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
  const std::string own = cleaned(path);
  Choice choice = labeller.choose(own, *node);
  Explanation explanation;
  explanation.reason = choice.reason;
  imagefmt::Label folder;
  if (choice.reason == Reason::kFolder && own != "/") {
    folder = explain(tree, input, own.substr(0, std::max<size_t>(1, own.rfind('/')))).label;
  }
  explanation.label = labeller.label_by(choice, own, folder);
  if (choice.rule) explanation.rule = *choice.rule;
  if (choice.label_rule) explanation.label_rule = *choice.label_rule;
  for (std::string& place : labeller.places_of(own, *node)) {
    if (place != choice.place) explanation.other_places.push_back(std::move(place));
  }
  explanation.place = std::move(choice.place);
  explanation.links = labeller.links_to(*node);
  return explanation;
}

}  // namespace policy
