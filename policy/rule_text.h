// SPDX-License-Identifier: Apache-2.0
//
// Parts of a policy as setools (SELinux's own analysis tools) prints them.
#pragma once

#include <string>
#include <vector>

#include "policy/level_text.h"
#include "policy/policy_tables.h"

namespace policy {

/// `allow a b:file { open read };`, `type_transition a b:dir c name;` …, and for a conditional rule
/// of another kind than xperm, ` [ a && b ]:True` after it.
std::string to_string(const PolicyTables& tables, const Rule& rule);
std::string to_string(const PolicyTables& tables, const RoleAllow& rule);
std::string to_string(const PolicyTables& tables, const RoleTransition& rule);
std::string to_string(const PolicyTables& tables, const RangeTransition& rule);
/// Infix, with the parentheses that setools puts, and its order of operands: the right one first.
std::string to_string(const PolicyTables& tables, const Condition& condition);
/// `constrain file { read write } (u1 == u2 or …); `, with the blanks that setools puts. The names
/// of a set are sorted (setools gives them in any order).
std::string to_string(const PolicyTables& tables, const Constraint& constraint);
std::string to_string(const PolicyTables& tables, const SecurityContext& context);

/// `allow`, `type_transition` …
std::string_view name_of(RuleKind kind);
/// Of a mask, sorted.
std::vector<std::string> permission_names(const ObjectClass& object_class, uint32_t mask);
/// `a`, or `{ a b }`.
std::string braced(const std::vector<std::string>& names);

}  // namespace policy
