// SPDX-License-Identifier: Apache-2.0
//
// What a policy makes of a system, for its author: the labels, the rules that give them, and the
// domain of each unit's programs. `labels` prints it, and `build` reports it.
#pragma once

#include <string>

#include "builder/entry_points.h"
#include "builder/system_options.h"
#include "policy/coverage.h"
#include "policy/rule_origins.h"

namespace builder {

struct LabelledSystem;

struct LabelsReport {
  std::string toplevel;
  policy::FileContexts contexts;  // that `coverage` indexes, as it does label_rules
  policy::LabelRules label_rules;
  policy::Coverage coverage;
  EntryPoints entry_points;
  /// By index into contexts.rules(); empty until find_origins().
  std::vector<std::vector<policy::RuleOrigin>> origins;
};

/// All but the origins. Takes the time of reading the policy back.
LabelsReport report_labels(const LabelledSystem& system, imagefmt::Reporter& reporter);
/// Which module each rule is of. Takes the time of reading the modules again.
void find_origins(LabelsReport& report, const LabelledSystem& system, const SystemOptions& options,
                  imagefmt::Reporter& reporter);

/// Sections under `# ` headings; below them, fields separated by tabs, names as `inspect` escapes them.
/// REQUIRES: the origins, as do the JSON forms.
std::string labels_text(const LabelsReport& report);
/// The form that `labels --help` documents; keys and entries in a fixed order.
std::string labels_json_text(const LabelsReport& report);

}  // namespace builder
