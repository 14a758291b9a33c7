// SPDX-License-Identifier: Apache-2.0
//
// What a policy makes of a system, for its author: the labels, the rules that give them, and the
// domain of each unit's programs. `labels` prints it, and `build` reports it.
#pragma once

#include <string>

#include "builder/build.h"
#include "builder/entry_points.h"
#include "policy/coverage.h"

namespace builder {

struct LabelsReport {
  std::string toplevel;
  policy::FileContexts contexts;  // that `coverage` indexes
  policy::Coverage coverage;
  EntryPoints entry_points;
};

/// Takes the time of reading the policy back (a second for a large one).
LabelsReport report_labels(const LabelledSystem& system, imagefmt::Reporter& reporter);

/// Sections under `# ` headings; below them, fields separated by tabs, names as `inspect` escapes them.
std::string labels_text(const LabelsReport& report);
/// The form that `labels --help` documents; keys and entries in a fixed order.
std::string labels_json_text(const LabelsReport& report);
/// A few lines without detail.
std::string labels_summary(const LabelsReport& report);

}  // namespace builder
