// SPDX-License-Identifier: Apache-2.0
#include "builder/denials.h"

#include <fmt/format.h>

#include "builder/build.h"
#include "builder/image.h"
#include "policy/module_cil.h"
#include "policy/modules.h"

namespace builder {

using policy::DenialReport;

policy::DenialReport judge_denials(const policy::AuditLog& log, const SystemOptions& options,
                                   const std::string& image, imagefmt::Reporter& reporter) {
  if (log.messages.empty() && log.errors.empty()) {
    DenialReport report;
    report.damaged_lines = log.damaged_lines;
    return report;
  }
  std::optional<imagefmt::NumberedTree> numbered;
  if (!image.empty()) numbered = read_numbered_image(image);
  const LabelledSystem system = label_system(options, reporter);
  const std::string& binary = system.policy->compiled.binary;
  const policy::PolicyRules rules = policy::PolicyRules::from_image(
      binary, fmt::format("policy.{}", system.policy->compiled.version));

  // The compiled policy has lost its neverallow rules.
  const PolicyOptions& options_of_policy = options.policy;
  std::vector<policy::Module> modules = policy::load_modules(
      {options_of_policy.folder, options_of_policy.modules, options_of_policy.removed},
      options.jobs);
  const std::vector<std::string> texts = policy::convert_to_cil(modules, options.jobs, reporter);
  std::vector<policy::CilModule> named;
  for (size_t i = 0; i < modules.size(); ++i) named.push_back({modules[i].name, texts[i]});
  const policy::Neverallows neverallows(rules, named);

  imagefmt::Stage stage(reporter, "judging denials", log.messages.size(), "messages");
  DenialReport report = policy::judge(log, {.tree = system.tree,
                                            .labels = system.rules,
                                            .policy_image = binary,
                                            .policy = rules,
                                            .neverallows = neverallows,
                                            .image = numbered ? &*numbered : nullptr});
  stage.advance(log.messages.size());
  return report;
}

}  // namespace builder
