// SPDX-License-Identifier: Apache-2.0
//
// Private to policy/: from the statements of a kernel policy to its tables.
#pragma once

#include <string_view>

#include "policy/cil_text.h"
#include "policy/level_text.h"
#include "policy/policy_tables.h"

namespace policy {

/// Takes one top statement after the other. Each method throws `line N: …`.
class KernelCilParser {
 public:
  void take(CilNode statement);
  /// REQUIRES: called once, last.
  PolicyTables finish();

 private:
  using Take = void (KernelCilParser::*)(CilNode);
  static Take find_taker(std::string_view head);

  // kernel_cil.cc
  void take_nothing(CilNode) {}
  void take_handle_unknown(CilNode s);
  void take_mls(CilNode s);
  void take_class(CilNode s);
  void take_class_common(CilNode s);
  void take_common(CilNode s);
  void take_policy_capability(CilNode s);
  void take_type(CilNode s);
  void take_type_attribute(CilNode s);
  void take_type_alias(CilNode s);
  void take_type_bounds(CilNode s);
  void take_type_attribute_set(CilNode s);
  void take_type_permissive(CilNode s);
  void take_boolean(CilNode s);
  void take_role(CilNode s);
  void take_role_type(CilNode s);
  void take_user(CilNode s);
  void take_user_role(CilNode s);
  void take_user_level(CilNode s);
  void take_user_range(CilNode s);
  void take_sensitivities(CilNode s);
  void take_categories(CilNode s);
  void take_sensitivity_alias(CilNode s);
  void take_category_alias(CilNode s);

  // kernel_cil_rules.cc
  void take_access(CilNode s);
  void take_access_xperm(CilNode s);
  void take_type_rule(CilNode s);
  void take_condition(CilNode s);
  void take_role_allow(CilNode s);
  void take_role_transition(CilNode s);
  void take_range_transition(CilNode s);
  void take_constraint(CilNode s);
  void take_validate_transition(CilNode s);
  void take_default(CilNode s);

  // kernel_cil_labels.cc
  void take_sid_context(CilNode s);
  void take_fs_use(CilNode s);
  void take_genfscon(CilNode s);
  void take_portcon(CilNode s);
  void take_netifcon(CilNode s);
  void take_nodecon(CilNode s);
  void take_ibpkeycon(CilNode s);
  void take_ibendportcon(CilNode s);
  SecurityContext parse_context(CilNode node);
  LevelRange parse_range(CilNode node);
  Level parse_level(CilNode node);
  NumberRun parse_number_range(CilNode node);

  TypeId add_type(CilNode name, bool attribute);
  TypeId type_id(CilNode node) const;
  ClassId class_id(CilNode node) const;
  uint32_t role_id(CilNode node) const;
  uint32_t permission_mask(ClassId object_class, CilNode list) const;
  User& user(CilNode node);
  Rule parse_rule_head(CilNode s, RuleKind kind, CilNode object_class) const;
  void parse_expression(CilNode node, Condition& postfix) const;
  void parse_expression(CilNode node, Constraint& constraint) const;

  PolicyTables tables_;
  NameIndex user_ids_, file_name_ids_;
  uint32_t condition_ = Rule::kNone;  // the one whose rules are being read
  bool branch_ = true;
};

[[noreturn]] void refuse(CilNode at, std::string_view why);
/// `count` to `most` elements besides the head.
void expect_arguments(CilNode statement, size_t count, size_t most);
inline void expect_arguments(CilNode statement, size_t count) {
  expect_arguments(statement, count, count);
}
std::string_view symbol(CilNode node);
CilNode list(CilNode node);
/// Decimal, or hexadecimal after `0x`.
uint32_t number(CilNode node, uint32_t most);

}  // namespace policy
