// SPDX-License-Identifier: Apache-2.0
//
// The rules of a policy that meet some criteria: what setools' sesearch finds, as it prints it.
#pragma once

#include <string>
#include <vector>

#include "policy/rules.h"

namespace policy {

/// Criteria as on sesearch's command line. An empty text is no criterion. Lists are separated by
/// commas. Regular expressions are PCRE2's (sesearch: Python's), found anywhere in a name.
struct RuleQuery {
  std::vector<RuleKind> kinds;  // of rules of type enforcement
  bool role_allow = false, role_transition = false, range_transition = false;

  std::string source;  // type, attribute, or role for a rule of roles
  std::string target;
  std::string classes;      // a list
  std::string permissions;  // a list; any of them
  std::string xperms;       // a list of hexadecimal numbers and ranges, `0x8900-0x89ff`
  std::string new_name;     // the type, role or range that a transition gives
  std::string booleans;     // a list; of the rule's condition, any of them

  bool booleans_equal = false, permissions_equal = false, xperms_equal = false;
  bool permissions_subset = false;  // all of the permissions are the rule's
  /// An attribute is itself, instead of all its types.
  bool source_direct = false, target_direct = false;
  bool source_regex = false, target_regex = false, class_regex = false, new_name_regex = false,
       boolean_regex = false;
};

/// A line a rule: those of types, then of roles, then of ranges, each sorted by bytes. Throws Error
/// for a name that the policy does not have, and for a wrong expression or number.
std::vector<std::string> search_rules(const PolicyRules& rules, const RuleQuery& query);

}  // namespace policy
