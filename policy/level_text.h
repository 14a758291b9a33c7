// SPDX-License-Identifier: Apache-2.0
//
// MLS levels and ranges as people write them: `s0`, `s0:c0.c3,c5`, `s0 - s0:c0.c1023`.
#pragma once

#include <string>
#include <string_view>

#include "policy/policy_tables.h"

namespace policy {

std::string to_string(const PolicyTables& tables, const Level& level);
/// One level if both are the same.
std::string to_string(const PolicyTables& tables, const LevelRange& range);
/// Blanks around the `-` are optional, aliases are names too. Throws
/// `no range of this policy: 's0 - s1': …`.
LevelRange parse_level_range(const PolicyTables& tables, std::string_view text);

/// Sorted, and what overlaps or touches made one.
std::vector<NumberRun> join_runs(std::vector<NumberRun> runs);

}  // namespace policy
