// SPDX-License-Identifier: Apache-2.0
//
// Why a path of an image has its label, and what the policy lets happen to it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/build.h"
#include "imagefmt/base/reporter.h"
#include "policy/access_holders.h"
#include "policy/execution.h"
#include "policy/losing_rules.h"
#include "policy/rule_origins.h"

namespace builder {

/// What a path is explained from. Refers to all of it.
struct ExplainInput {
  const imagefmt::FileTree& tree;  // labelled
  const policy::LabelInput& rules;
  const std::vector<std::vector<policy::RuleOrigin>>& origins;  // find_rule_origins()
  const policy::PolicyRules& policy;
  std::string init_domain;  // of the first process; empty: not known
};

struct PathExplanation {
  std::string path;  // without links in its folders
  const imagefmt::Node* node = nullptr;
  policy::Explanation label;
  std::vector<policy::LosingRule> losers;
  std::string link_target;  // of a symlink, as it is written
  std::string leads_to;     // of a symlink; empty if the image does not have it
  /// Of a file that may be executed: the domains that this enters, and what the first process
  /// becomes.
  std::vector<policy::DomainWay> domains;
  std::optional<policy::Execution> by_init;
  std::vector<policy::AccessHolders> access;
};

/// The path, and if it is a symlink, what it leads to in the end. Throws `cannot explain '<path>':
/// …` if the image does not have it, with the nearest path that it has. REQUIRES: `path` is
/// absolute.
std::vector<PathExplanation> explain_path(const ExplainInput& input, std::string_view path);

/// Why the label is what it is, in a line.
std::string describe_reason(const PathExplanation& explanation);
/// Where a rule of the file contexts comes from.
const std::vector<policy::RuleOrigin>& origins_of_rule(const ExplainInput& input,
                                                       const policy::ContextRule& rule);

/// For a person: the names of many types stand for themselves only with `all`, and else are
/// counted.
std::string to_text(const ExplainInput& input, const std::vector<PathExplanation>& explanations,
                    bool all);
/// For a program: an array with an object for each path; `intaglio explain --help` documents it.
std::string to_json(const ExplainInput& input, const std::vector<PathExplanation>& explanations);

struct ExplainOptions {
  SystemOptions system;
  std::vector<std::string> paths;
  bool all = false, json = false;
};
/// Explains the paths of the system that the options name, as text or JSON. Labels it, builds
/// nothing. Of paths that cannot be explained, one Error names all.
std::string explain(const ExplainOptions& options, imagefmt::Reporter& reporter);

}  // namespace builder
