// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "policy/kernel_cil.h"

namespace policy {

namespace {

struct KindName {
  std::string_view name;
  RuleKind kind;
};
constexpr KindName kKinds[] = {
    {"allow", RuleKind::kAllow},
    {"auditallow", RuleKind::kAuditAllow},
    {"dontaudit", RuleKind::kDontAudit},
    {"neverallow", RuleKind::kNeverAllow},
    {"allowx", RuleKind::kAllowXperm},
    {"auditallowx", RuleKind::kAuditAllowXperm},
    {"dontauditx", RuleKind::kDontAuditXperm},
    {"neverallowx", RuleKind::kNeverAllowXperm},
    {"typetransition", RuleKind::kTypeTransition},
    {"typechange", RuleKind::kTypeChange},
    {"typemember", RuleKind::kTypeMember},
};

/// REQUIRES: one of the names above.
RuleKind kind_of(CilNode s) {
  return std::ranges::find(kKinds, symbol(s[0]), &KindName::name)->kind;
}

struct OpName {
  std::string_view name;
  ConditionToken::Op op;
  size_t operands;
};
constexpr OpName kOps[] = {
    {"not", ConditionToken::Op::kNot, 1},  {"and", ConditionToken::Op::kAnd, 2},
    {"or", ConditionToken::Op::kOr, 2},    {"xor", ConditionToken::Op::kXor, 2},
    {"eq", ConditionToken::Op::kEqual, 2}, {"neq", ConditionToken::Op::kUnequal, 2},
};

constexpr std::array<std::string_view, 5> kComparisons = {"eq", "neq", "dom", "domby", "incomp"};
constexpr std::array<std::string_view, 4> kLevels = {"l1", "l2", "h1", "h2"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

void append_runs(CilNode node, std::vector<NumberRun>& runs) {
  for (CilNode item : list(node)) {
    if (!item.is_list()) {
      uint32_t value = number(item, UINT16_MAX);
      runs.emplace_back(value, value);
    } else if (item.size() == 3 && symbol(item[0]) == "range") {
      runs.emplace_back(number(item[1], UINT16_MAX), number(item[2], UINT16_MAX));
      if (runs.back().first > runs.back().second) refuse(item, "a range whose end comes first");
    } else {
      refuse(item, "expected a number or a range of them");
    }
  }
}

}  // namespace

uint32_t KernelCilParser::permission_mask(ClassId object_class, CilNode names) const {
  const ObjectClass& known = tables_.classes[object_class];
  uint32_t mask = 0;
  for (CilNode name : list(names)) {
    auto found = std::ranges::find(known.permissions, symbol(name));
    if (found == known.permissions.end()) {
      refuse(name, fmt::format("class '{}' has no permission '{}'", known.name, symbol(name)));
    }
    mask |= uint32_t{1} << (found - known.permissions.begin());
  }
  return mask;
}

Rule KernelCilParser::parse_rule_head(CilNode s, RuleKind kind, CilNode object_class) const {
  Rule rule;
  rule.kind = kind;
  rule.source = type_id(s[1]);
  // An attribute's `self` is not in a kernel policy: it was expanded.
  rule.target = symbol(s[2]) == "self" ? rule.source : type_id(s[2]);
  rule.object_class = class_id(object_class);
  rule.condition = condition_;
  rule.branch = branch_;
  return rule;
}

void KernelCilParser::take_access(CilNode s) {
  expect_arguments(s, 3);
  CilNode access = list(s[3]);
  if (access.size() != 2) refuse(access, "expected a class and its permissions");
  Rule rule = parse_rule_head(s, kind_of(s), access[0]);
  rule.value = permission_mask(rule.object_class, access[1]);
  tables_.rules.push_back(rule);
}

void KernelCilParser::take_access_xperm(CilNode s) {
  expect_arguments(s, 3);
  CilNode access = list(s[3]);
  if (access.size() != 3) refuse(access, "expected a kind, a class and extended permissions");
  Rule rule = parse_rule_head(s, kind_of(s), access[1]);
  ExtendedPermissions xperms;
  xperms.what = symbol(access[0]);
  append_runs(access[2], xperms.runs);
  xperms.runs = join_runs(std::move(xperms.runs));
  rule.value = static_cast<uint32_t>(tables_.xperms.size());
  tables_.xperms.push_back(std::move(xperms));
  tables_.rules.push_back(rule);
}

void KernelCilParser::take_type_rule(CilNode s) {
  RuleKind kind = kind_of(s);
  expect_arguments(s, 4, kind == RuleKind::kTypeTransition ? 5 : 4);
  Rule rule = parse_rule_head(s, kind, s[3]);
  if (s.size() == 6) {
    auto next = static_cast<uint32_t>(tables_.file_names.size());
    auto [name, added] = file_name_ids_.emplace(symbol(s[4]), next);
    if (added) tables_.file_names.emplace_back(symbol(s[4]));
    rule.file_name = name->second;
  }
  rule.value = type_id(s[s.size() - 1]);
  tables_.rules.push_back(rule);
}

void KernelCilParser::take_condition(CilNode s) {
  if (s.size() < 2) refuse(s, "a booleanif without a condition");
  if (condition_ != Rule::kNone) refuse(s, "a booleanif within another");
  Condition postfix;
  parse_expression(s[1], postfix);
  condition_ = static_cast<uint32_t>(tables_.conditions.size());
  tables_.conditions.push_back(std::move(postfix));
  size_t index = 0;
  for (CilNode block : s) {
    if (index++ < 2) continue;
    std::string_view head = list(block).size() == 0 ? "" : symbol(block[0]);
    if (head != "true" && head != "false") refuse(block, "expected 'true' or 'false'");
    branch_ = head == "true";
    bool first = true;
    for (CilNode rule : block) {
      if (!std::exchange(first, false)) {
        if (list(rule).size() == 0 ||
            std::ranges::find(kKinds, symbol(rule[0]), &KindName::name) == std::end(kKinds)) {
          refuse(rule, "expected a rule of types");
        }
        take(rule);
      }
    }
  }
  condition_ = Rule::kNone;
  branch_ = true;
}

// Lists nest up to 1000 deep (cil_text.cc), which recursion stands.
void KernelCilParser::parse_expression(CilNode node, Condition& postfix) const {
  if (!node.is_list()) {
    auto found = tables_.boolean_ids.find(node.text());
    if (found == tables_.boolean_ids.end()) {
      refuse(node, fmt::format("unknown boolean '{}'", node.text()));
    }
    postfix.push_back({ConditionToken::Op::kBoolean, found->second});
    return;
  }
  if (node.size() == 0) refuse(node, "an empty condition");
  auto op = std::ranges::find(kOps, symbol(node[0]), &OpName::name);
  if (op == std::end(kOps) || node.size() != op->operands + 1) {
    refuse(node, fmt::format("no condition: '{}' of {}", symbol(node[0]), node.size() - 1));
  }
  parse_expression(node[1], postfix);
  if (op->operands == 2) parse_expression(node[2], postfix);
  postfix.push_back({op->op, 0});
}

void KernelCilParser::take_role_allow(CilNode s) {
  expect_arguments(s, 2);
  tables_.role_allows.push_back({role_id(s[1]), role_id(s[2])});
}

void KernelCilParser::take_role_transition(CilNode s) {
  expect_arguments(s, 4);
  tables_.role_transitions.push_back({role_id(s[1]), type_id(s[2]), class_id(s[3]), role_id(s[4])});
}

void KernelCilParser::take_range_transition(CilNode s) {
  expect_arguments(s, 4);
  if (!tables_.mls) return;  // a dummy
  tables_.range_transitions.push_back(
      {type_id(s[1]), type_id(s[2]), class_id(s[3]), parse_range(s[4])});
}

void KernelCilParser::take_constraint(CilNode s) {
  expect_arguments(s, 2);
  CilNode access = list(s[1]);
  if (access.size() != 2) refuse(access, "expected a class and its permissions");
  Constraint constraint;
  constraint.object_class = class_id(access[0]);
  constraint.permissions = permission_mask(constraint.object_class, access[1]);
  if (constraint.permissions == 0) refuse(access, "a constraint of no permission");
  parse_expression(s[2], constraint);
  tables_.constraints.push_back(std::move(constraint));
}

void KernelCilParser::take_validate_transition(CilNode s) {
  expect_arguments(s, 2);
  Constraint constraint;
  constraint.object_class = class_id(s[1]);
  parse_expression(s[2], constraint);
  tables_.constraints.push_back(std::move(constraint));
}

// Whether it speaks of levels is not taken from the statement's name: libsepol before 3.6 writes
// `mlsvalidatetrans` for some that do not.
void KernelCilParser::parse_expression(CilNode node, Constraint& constraint) const {
  if (list(node).size() == 0) refuse(node, "an empty constraint");
  ConstraintToken token;
  token.op = symbol(node[0]);
  if (token.op == "not" && node.size() == 2) {
    parse_expression(node[1], constraint);
  } else if ((token.op == "and" || token.op == "or") && node.size() == 3) {
    parse_expression(node[1], constraint);
    parse_expression(node[2], constraint);
  } else if (is_one_of(kComparisons, token.op) && node.size() == 3) {
    token.left = symbol(node[1]);
    if (is_one_of(kLevels, token.left)) constraint.mls = true;
    CilNode right = node[2];
    if (right.is_list()) {
      for (CilNode name : right) token.names.emplace_back(symbol(name));
    } else if (right.text().size() == 2 && right.text()[1] >= '1' && right.text()[1] <= '3' &&
               std::string_view("urtlh").find(right.text()[0]) != std::string_view::npos) {
      token.right = right.text();
    } else if (right.text() != "NO_IDENTIFIER") {  // libsepol's word for an empty set
      token.names.emplace_back(right.text());
    }
  } else {
    refuse(node, fmt::format("no constraint: '{}' of {}", token.op, node.size() - 1));
  }
  constraint.expression.push_back(std::move(token));
}

void KernelCilParser::take_default(CilNode s) {
  expect_arguments(s, 2, 3);
  DefaultRule rule;
  rule.what = fmt::format("default_{}", symbol(s[0]).substr(std::string_view("default").size()));
  rule.object_class = class_id(s[1]);
  rule.value = symbol(s[2]);
  if (s.size() == 4) rule.range = symbol(s[3]);
  std::ranges::replace(rule.range, '-', '_');
  tables_.defaults.push_back(std::move(rule));
}

}  // namespace policy
