// SPDX-License-Identifier: Apache-2.0
#include "builder/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "builder/links.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;
using imagefmt::FileTree;

namespace {

/// The folder of a path, and its last component; of "/x/" that is "x".
std::pair<std::string_view, std::string_view> split_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return {path.substr(0, std::max<size_t>(1, slash)), path.substr(slash + 1)};
}

[[noreturn]] void throw_missing(const FileTree& tree, std::string_view path) {
  std::string_view nearest = path;
  std::optional<Found> found;
  while (!found && nearest != "/") {
    nearest = split_path(nearest).first;
    found = find_following(tree, nearest);
  }
  throw Error(
      fmt::format("cannot explain {}: the image has no such path; the nearest that it has "
                  "is {}",
                  in_quotes(path), in_quotes(nearest)));
}

/// The last component is not followed.
Found find_path(const FileTree& tree, std::string_view path) {
  const auto [folder, name] = split_path(path);
  const bool is_step = name.empty() || name == "." || name == "..";
  std::optional<Found> found = find_following(tree, is_step ? path : folder);
  if (!found) throw_missing(tree, path);
  if (is_step) return *found;
  const std::string own = join_path(found->path, name);
  const imagefmt::Node* node = tree.find(own);
  if (!node) throw_missing(tree, path);
  return {own, node};
}

bool is_executable(const imagefmt::Node& node) {
  return node.regular() && (node.mode & 0111) != 0;
}

PathExplanation explain_found(const ExplainInput& input, const Found& found) {
  PathExplanation result;
  result.path = found.path;
  result.node = found.node;
  result.label = policy::explain(input.tree, input.rules, found.path);
  result.losers = policy::find_losing_rules(*found.node, input.rules, result.label);
  const std::string type(policy::type_in(result.label.label.text()));
  if (is_executable(*found.node)) {
    result.domains = policy::find_domain_ways(input.policy, type);
    if (!input.init_domain.empty()) {
      result.by_init = policy::find_execution(input.policy, {input.init_domain, type, {}, false});
    }
  }
  result.access = policy::find_access_holders(input.policy, type, policy::type_of(*found.node));
  return result;
}

/// Of what runs as the first process once the policy is loaded; empty if the image has no systemd.
std::string init_domain_of(const LabelledSystem& system, const policy::PolicyRules& policy) {
  const std::string init = system.closure.toplevel + "/systemd/lib/systemd/systemd";
  const std::optional<Found> found = find_following(system.tree, init);
  if (!found) return {};
  return policy::find_init_domain(policy, policy::type_in(found->node->label.text()));
}

}  // namespace

std::vector<PathExplanation> explain_path(const ExplainInput& input, std::string_view path) {
  const Found found = find_path(input.tree, path);
  std::vector<PathExplanation> explanations = {explain_found(input, found)};
  if (const imagefmt::Symlink* link = found.node->symlink()) {
    explanations[0].link_target = link->target;
    if (const std::optional<Found> target = find_following(input.tree, found.path)) {
      explanations[0].leads_to = target->path;
      explanations.push_back(explain_found(input, *target));
    }
  }
  return explanations;
}

std::string explain(const ExplainOptions& options, imagefmt::Reporter& reporter) {
  imagefmt::Faults relative;
  for (const std::string& path : options.paths) {
    if (path.starts_with('/')) continue;
    relative.add(
        fmt::format("cannot explain {}: expected an absolute path of the image", in_quotes(path)));
  }
  relative.throw_if_any();
  const LabelledSystem system = label_system(options.system, reporter);
  const std::vector<std::vector<policy::RuleOrigin>> origins =
      policy::find_rule_origins(load_modules(options.system.policy, options.system.jobs),
                                system.rules.contexts, system.home_templates);
  const policy::CompiledPolicy& compiled = system.policy->compiled;
  const policy::PolicyRules policy =
      policy::PolicyRules::from_image(compiled.binary, fmt::format("policy.{}", compiled.version));
  const ExplainInput input{system.tree, system.rules, origins, policy,
                           init_domain_of(system, policy)};
  std::vector<PathExplanation> explanations;
  imagefmt::Faults faults;
  for (const std::string& path : options.paths) {
    try {
      std::ranges::move(explain_path(input, path), std::back_inserter(explanations));
    } catch (const Error& error) {
      faults.add(error.what());
    }
  }
  faults.throw_if_any();
  return options.json ? to_json(input, explanations) : to_text(input, explanations, options.all);
}

}  // namespace builder
