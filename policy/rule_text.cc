// SPDX-License-Identifier: Apache-2.0
#include "policy/rule_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

namespace policy {

namespace {

constexpr std::array<std::string_view, 11> kKindNames = {
    "allow",           "auditallow",      "dontaudit",      "neverallow",
    "allowxperm",      "auditallowxperm", "dontauditxperm", "neverallowxperm",
    "type_transition", "type_change",     "type_member"};

std::string xperm_text(const ExtendedPermissions& xperms) {
  std::vector<std::string> runs;
  for (auto [low, high] : xperms.runs) {
    runs.push_back(low == high ? fmt::format("{:#06x}", low)
                               : fmt::format("{:#06x}-{:#06x}", low, high));
  }
  return fmt::format("{} {}", xperms.what, braced(runs));
}

struct Operator {
  std::string_view text;
  int precedence;
};

Operator operator_of(ConditionToken::Op op) {
  using Op = ConditionToken::Op;
  switch (op) {
    case Op::kNot:
      return {"!", 5};
    case Op::kAnd:
      return {"&&", 3};
    case Op::kOr:
      return {"||", 1};
    case Op::kXor:
      return {"^", 2};
    case Op::kEqual:
      return {"==", 4};
    case Op::kUnequal:
      return {"!=", 4};
    case Op::kBoolean:
      break;
  }
  assert(false);
  return {};
}

Operator operator_of(std::string_view op) {
  if (op == "eq") return {"==", 3};
  if (op == "neq") return {"!=", 3};
  if (op == "and") return {"and", 2};
  if (op == "or") return {"or", 1};
  if (op == "not") return {"not", 4};
  return {op, 3};  // dom, domby, incomp
}

/// An operand, or an expression, which takes parentheses in a negation.
struct Part {
  std::string text;
  bool compound = false;
};

Part pop(std::vector<Part>& stack) {
  assert(!stack.empty());
  Part part = std::move(stack.back());
  stack.pop_back();
  return part;
}

// setools leaves parentheses out after an operator that binds closer, whatever its place.
void push_binary(std::vector<Part>& stack, const std::string& first, const std::string& second,
                 Operator op, int& previous) {
  bool bare = previous > op.precedence;
  stack.push_back(
      {fmt::format("{}{} {} {}{}", bare ? "" : "( ", first, op.text, second, bare ? "" : " )"),
       true});
  previous = op.precedence;
}

std::string set_text(std::vector<std::string> names) {
  if (names.size() <= 1) return names.empty() ? "" : names.front();
  std::ranges::sort(names);
  return fmt::format("{{ {} }} ", fmt::join(names, " "));
}

}  // namespace

std::string_view name_of(RuleKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::vector<std::string> permission_names(const ObjectClass& object_class, uint32_t mask) {
  std::vector<std::string> names;
  for (size_t i = 0; i < object_class.permissions.size(); ++i) {
    if (mask >> i & 1) names.push_back(object_class.permissions[i]);
  }
  std::ranges::sort(names);
  return names;
}

std::string braced(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  return fmt::format("{{ {} }}", fmt::join(names, " "));
}

std::string to_string(const PolicyTables& tables, const Condition& condition) {
  std::vector<Part> stack;
  int previous = 5;
  for (const ConditionToken& token : condition) {
    if (token.op == ConditionToken::Op::kBoolean) {
      stack.push_back({tables.booleans[token.boolean].name, false});
      continue;
    }
    Operator op = operator_of(token.op);
    if (token.op == ConditionToken::Op::kNot) {
      Part operand = pop(stack);
      stack.push_back({operand.compound ? fmt::format("{} ( {} )", op.text, operand.text)
                                        : fmt::format("{} {}", op.text, operand.text),
                       true});
      previous = op.precedence;
    } else {
      Part right = pop(stack), left = pop(stack);
      push_binary(stack, right.text, left.text, op, previous);
    }
  }
  return pop(stack).text;
}

std::string to_string(const PolicyTables& tables, const Constraint& constraint) {
  std::vector<Part> stack;
  int previous = 4;
  for (const ConstraintToken& token : constraint.expression) {
    Operator op = operator_of(std::string_view(token.op));
    if (token.op == "not") {
      stack.push_back({fmt::format("not ( {} )", pop(stack).text), true});
      previous = op.precedence;
    } else if (token.op == "and" || token.op == "or") {
      Part right = pop(stack), left = pop(stack);
      push_binary(stack, left.text, right.text, op, previous);
    } else {
      push_binary(stack, token.left, token.right.empty() ? set_text(token.names) : token.right, op,
                  previous);
    }
  }
  const ObjectClass& object_class = tables.classes[constraint.object_class];
  std::string expression = pop(stack).text;
  std::string_view mls = constraint.mls ? "mls" : "";
  if (constraint.permissions == 0) {
    return fmt::format("{}validatetrans {} ({});", mls, object_class.name, expression);
  }
  return fmt::format("{}constrain {} {} ({}); ", mls, object_class.name,
                     braced(permission_names(object_class, constraint.permissions)), expression);
}

std::string to_string(const PolicyTables& tables, const Rule& rule) {
  const ObjectClass& object_class = tables.classes[rule.object_class];
  std::string what;
  bool xperm = false;
  switch (rule.kind) {
    case RuleKind::kAllow:
    case RuleKind::kAuditAllow:
    case RuleKind::kDontAudit:
    case RuleKind::kNeverAllow:
      what = braced(permission_names(object_class, rule.value));
      break;
    case RuleKind::kAllowXperm:
    case RuleKind::kAuditAllowXperm:
    case RuleKind::kDontAuditXperm:
    case RuleKind::kNeverAllowXperm:
      what = xperm_text(tables.xperms[rule.value]);
      xperm = true;
      break;
    case RuleKind::kTypeTransition:
    case RuleKind::kTypeChange:
    case RuleKind::kTypeMember:
      what = tables.types[rule.value].name;
      if (rule.file_name != Rule::kNone) what += ' ' + tables.file_names[rule.file_name];
      break;
  }
  std::string text =
      fmt::format("{} {} {}:{} {};", name_of(rule.kind), tables.types[rule.source].name,
                  tables.types[rule.target].name, object_class.name, what);
  if (rule.condition != Rule::kNone && !xperm) {
    text += fmt::format(" [ {} ]:{}", to_string(tables, tables.conditions[rule.condition]),
                        rule.branch ? "True" : "False");
  }
  return text;
}

std::string to_string(const PolicyTables& tables, const RoleAllow& rule) {
  return fmt::format("allow {} {};", tables.roles[rule.source].name,
                     tables.roles[rule.target].name);
}

std::string to_string(const PolicyTables& tables, const RoleTransition& rule) {
  return fmt::format("role_transition {} {}:{} {};", tables.roles[rule.source].name,
                     tables.types[rule.target].name, tables.classes[rule.object_class].name,
                     tables.roles[rule.new_role].name);
}

std::string to_string(const PolicyTables& tables, const RangeTransition& rule) {
  return fmt::format("range_transition {} {}:{} {};", tables.types[rule.source].name,
                     tables.types[rule.target].name, tables.classes[rule.object_class].name,
                     to_string(tables, rule.range));
}

std::string to_string(const PolicyTables& tables, const SecurityContext& context) {
  std::string text = fmt::format("{}:{}:{}", context.user, context.role, context.type);
  return tables.mls ? text + ':' + to_string(tables, context.range) : text;
}

}  // namespace policy
