// SPDX-License-Identifier: Apache-2.0
#include "policy/prove.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <unordered_map>
#include <unordered_set>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"

namespace policy {
namespace {

using imagefmt::escape;
using imagefmt::FileTree;
using imagefmt::Node;

/// Text of an image, fit for a terminal. Blanks and backslashes stay.
std::string printable(std::string_view text) {
  std::string result;
  for (char c : text) {
    if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      result += escape({&c, 1});
    }
  }
  return result;
}

/// What the policy says of contexts on one file system.
class Judge {
 public:
  Judge(const PolicyDb& policy, const std::string& filesystem)
      : policy_(policy), filesystem_(filesystem) {
    filesystem_type_ = policy.find_xattr_filesystem_type(filesystem);
    if (filesystem_type_) {
      may_associate_ = to_set(policy.types_that_may("filesystem", "associate", *filesystem_type_));
    }
    if (std::optional<std::vector<std::string>> types = policy.find_types_of("file_type")) {
      file_types_ = to_set(std::move(*types));
    }
  }

  bool knows_filesystem() const { return filesystem_type_.has_value(); }
  size_t contexts() const { return faults_.size(); }

  /// What is wrong with a context wherever it stands; for each context found out once.
  const std::vector<std::string>& faults_of(const imagefmt::Label& label) {
    auto [place, is_new] = faults_.try_emplace(label.text());
    if (is_new) {
      labels_.push_back(label);  // keeps the key's text
      place->second = judge(label.text());
    }
    return place->second;
  }

 private:
  using Types = std::unordered_set<std::string>;
  static Types to_set(std::vector<std::string> names) {
    return Types(std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
  }

  std::vector<std::string> judge(std::string_view context) const {
    if (!policy_.accepts(context)) {
      return {fmt::format("the policy does not know '{}'", printable(context))};
    }
    std::vector<std::string> faults;
    const std::string type(type_in(context));
    if (file_types_ && !file_types_->contains(type)) {
      faults.push_back(fmt::format("its type '{}' is no file_type", type));
    }
    if (filesystem_type_ && !may_associate_.contains(type)) {
      faults.push_back(
          fmt::format("its type '{}' may not be on {}: no rule 'allow {} {} filesystem "
                      "associate'",
                      type, filesystem_, type, *filesystem_type_));
    }
    return faults;
  }

  const PolicyDb& policy_;
  const std::string& filesystem_;
  std::optional<std::string> filesystem_type_;
  Types may_associate_;
  std::optional<Types> file_types_;
  std::vector<imagefmt::Label> labels_;
  std::unordered_map<std::string_view, std::vector<std::string>> faults_;
};

class Prover {
 public:
  Prover(const FileTree& tree, const PolicyDb& policy, const std::string& filesystem)
      : tree_(tree), judge_(policy, filesystem) {
    if (judge_.knows_filesystem()) return;
    faults_.emplace_back("",
                         fmt::format("cannot prove the image: the policy has no fs_use_xattr for "
                                     "{}, so a kernel would read none of its labels",
                                     filesystem));
  }

  void prove(const ExactContexts& rules) {
    auto cite = [&](const ExactRule& rule) {
      return fmt::format("({}:{}: {})", rules.name(), rule.line, rule.pattern);
    };
    std::vector<bool> found(rules.rules().size());
    walk(tree_, [&](const std::string& path, const Node& node) {
      const ExactRule* rule = rules.find(path);
      if (!rule) {
        add(path, fmt::format("a {} that no rule of '{}' names, {}", type_name(type_of(node)),
                              rules.name(), found_label(node)));
        return judge(path, node, [] { return "(no rule)"; });
      }
      found[rules.index_of(*rule)] = true;
      if (type_of(node) != rule->type) {
        add(path, fmt::format("found a {}, expected a {} {}", type_name(type_of(node)),
                              type_name(rule->type), cite(*rule)));
      }
      compare(path, node, rule->context, [&] { return cite(*rule); });
    });
    for (const ExactRule& rule : rules.rules()) {
      if (found[rules.index_of(rule)]) continue;
      add(rule.path, fmt::format("it is not in the image, expected a {} with '{}' {}",
                                 type_name(rule.type), rule.context.text(), cite(rule)));
    }
  }

  void prove(const LabelInput& rules) {
    LabelInput input = rules;
    input.context_is_valid = nullptr;
    auto cite = [&](const ExpectedLabel& expected) {
      if (!expected.rule) {
        return fmt::format("({}: {})", rules.label_rules.place_of(*expected.label_rule),
                           expected.label_rule->text);
      }
      return fmt::format("({}: {})", rules.contexts.place_of(*expected.rule),
                         expected.rule->pattern);
    };
    expect_labels(tree_, input,
                  [&](const std::string& path, const Node& node, const ExpectedLabel& expected) {
                    if (!expected.label.empty()) {
                      return compare(path, node, expected.label, [&] { return cite(expected); });
                    }
                    faults_.emplace_back(path, printable(expected.fault));
                    judge(path, node, [] { return "(no rule)"; });
                  });
  }

  ProofReport finish() {
    std::stable_sort(faults_.begin(), faults_.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    ProofReport report;
    report.inodes = imagefmt::totals(tree_).inodes;
    report.contexts = judge_.contexts();
    for (auto& [path, message] : faults_) report.faults.push_back(std::move(message));
    return report;
  }

 private:
  static std::string found_label(const Node& node) {
    return node.label.empty() ? "no label"
                              : fmt::format("found '{}'", printable(node.label.text()));
  }

  void add(std::string_view path, const std::string& reason) {
    faults_.emplace_back(path, fmt::format("cannot prove '{}': {}", printable(path), reason));
  }

  /// `cite` gives the rule as messages have it; asked where there is a fault only.
  template <class Cite>
  void compare(const std::string& path, const Node& node, const imagefmt::Label& expected,
               const Cite& cite) {
    if (!(node.label == expected)) {
      add(path, fmt::format("{}, expected '{}' {}", found_label(node), expected.text(), cite()));
    }
    judge(path, node, cite);
  }

  template <class Cite>
  void judge(const std::string& path, const Node& node, const Cite& cite) {
    if (node.label.empty()) return;
    for (const std::string& fault : judge_.faults_of(node.label)) {
      add(path, fmt::format("{} {}", fault, cite()));
    }
  }

  const FileTree& tree_;
  Judge judge_;
  std::vector<std::pair<std::string, std::string>> faults_;  // path, message
};

}  // namespace

ProofRules load_proof_rules(const std::string& file, bool project_store) {
  const bool stands_alone = std::ranges::none_of(
      std::array{".homedirs", ".local", ".subs", ".subs_dist"},
      [&](const char* suffix) { return std::filesystem::exists(file + suffix); });
  if (stands_alone) {
    std::optional<ExactContexts> exact = ExactContexts::parse(imagefmt::read_file(file), file);
    if (exact) return std::move(*exact);
  }
  LabelInput input;
  input.contexts = FileContexts::load(file, {}, Contradictions::kLastWins);
  input.project_store = project_store;
  return input;
}

uint64_t count_rules(const ProofRules& rules) {
  if (const ExactContexts* exact = std::get_if<ExactContexts>(&rules)) return exact->rules().size();
  return std::get<LabelInput>(rules).contexts.rules().size();
}

ProofReport prove(const FileTree& tree, const ProofRules& rules, const PolicyDb& policy,
                  const std::string& filesystem) {
  Prover prover(tree, policy, filesystem);
  std::visit([&](const auto& some) { prover.prove(some); }, rules);
  return prover.finish();
}

}  // namespace policy
