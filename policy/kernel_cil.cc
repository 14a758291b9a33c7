// SPDX-License-Identifier: Apache-2.0
#include "policy/kernel_cil.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "imagefmt/base/error.h"
#include "policy/text_lines.h"

namespace policy {

namespace {

// A permission mask has as many bits in the kernel.
constexpr size_t kMostPermissions = 32;
constexpr size_t kMostClasses = UINT16_MAX;

std::vector<std::string> symbols(CilNode node) {
  std::vector<std::string> names;
  for (CilNode name : list(node)) names.emplace_back(symbol(name));
  return names;
}

void sort_apart(std::vector<TypeId>& ids) {
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

void add_alias(NameIndex& index, std::vector<MlsSymbol>& symbols, CilNode s) {
  expect_arguments(s, 2);
  auto found = index.find(symbol(s[2]));
  if (found == index.end()) refuse(s, fmt::format("unknown name '{}'", symbol(s[2])));
  symbols[found->second].aliases.emplace_back(symbol(s[1]));
  index.emplace(symbol(s[1]), found->second);
}

void add_in_order(NameIndex& index, std::vector<MlsSymbol>& into, CilNode s) {
  expect_arguments(s, 1);
  for (CilNode name : list(s[1])) {
    if (!index.emplace(symbol(name), static_cast<uint32_t>(into.size())).second) {
      refuse(name, fmt::format("'{}' is declared twice", symbol(name)));
    }
    into.push_back({std::string(symbol(name)), {}});
  }
}

}  // namespace

void refuse(CilNode at, std::string_view why) {
  throw imagefmt::Error(fmt::format("line {}: {}", at.line(), why));
}

void expect_arguments(CilNode statement, size_t count, size_t most) {
  size_t found = statement.size() - 1;
  if (found >= count && found <= most) return;
  refuse(statement, fmt::format("'{}' with {} arguments", symbol(statement[0]), found));
}

std::string_view symbol(CilNode node) {
  if (node.is_list()) refuse(node, "expected a name, found a list");
  return node.text();
}

CilNode list(CilNode node) {
  if (!node.is_list()) refuse(node, fmt::format("expected a list, found '{}'", node.text()));
  return node;
}

uint32_t number(CilNode node, uint32_t most) {
  std::string_view digits = symbol(node);
  int base = 10;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    base = 16;
  }
  uint32_t value = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (failure != std::errc() || end != digits.data() + digits.size() || value > most) {
    refuse(node, fmt::format("'{}' is no number up to {}", node.text(), most));
  }
  return value;
}

KernelCilParser::Take KernelCilParser::find_taker(std::string_view head) {
  using P = KernelCilParser;
  static const std::unordered_map<std::string_view, Take> kTakers = {
      {"handleunknown", &P::take_handle_unknown},
      {"mls", &P::take_mls},
      {"class", &P::take_class},
      {"classcommon", &P::take_class_common},
      {"common", &P::take_common},
      {"policycap", &P::take_policy_capability},
      {"type", &P::take_type},
      {"typeattribute", &P::take_type_attribute},
      {"typealiasactual", &P::take_type_alias},
      {"typebounds", &P::take_type_bounds},
      {"typeattributeset", &P::take_type_attribute_set},
      {"typepermissive", &P::take_type_permissive},
      {"boolean", &P::take_boolean},
      {"role", &P::take_role},
      {"roletype", &P::take_role_type},
      {"user", &P::take_user},
      {"userrole", &P::take_user_role},
      {"userlevel", &P::take_user_level},
      {"userrange", &P::take_user_range},
      {"sensitivityorder", &P::take_sensitivities},
      {"categoryorder", &P::take_categories},
      {"sensitivityaliasactual", &P::take_sensitivity_alias},
      {"categoryaliasactual", &P::take_category_alias},
      {"allow", &P::take_access},
      {"auditallow", &P::take_access},
      {"dontaudit", &P::take_access},
      {"neverallow", &P::take_access},
      {"allowx", &P::take_access_xperm},
      {"auditallowx", &P::take_access_xperm},
      {"dontauditx", &P::take_access_xperm},
      {"neverallowx", &P::take_access_xperm},
      {"typetransition", &P::take_type_rule},
      {"typechange", &P::take_type_rule},
      {"typemember", &P::take_type_rule},
      {"booleanif", &P::take_condition},
      {"roleallow", &P::take_role_allow},
      {"roletransition", &P::take_role_transition},
      {"rangetransition", &P::take_range_transition},
      {"constrain", &P::take_constraint},
      {"mlsconstrain", &P::take_constraint},
      {"validatetrans", &P::take_validate_transition},
      {"mlsvalidatetrans", &P::take_validate_transition},
      {"defaultuser", &P::take_default},
      {"defaultrole", &P::take_default},
      {"defaulttype", &P::take_default},
      {"defaultrange", &P::take_default},
      {"sidcontext", &P::take_sid_context},
      {"fsuse", &P::take_fs_use},
      {"genfscon", &P::take_genfscon},
      {"portcon", &P::take_portcon},
      {"netifcon", &P::take_netifcon},
      {"nodecon", &P::take_nodecon},
      {"ibpkeycon", &P::take_ibpkeycon},
      {"ibendportcon", &P::take_ibendportcon},
      // Nobody asks for these, or another statement says the same.
      {"classorder", &P::take_nothing},
      {"sid", &P::take_nothing},
      {"sidorder", &P::take_nothing},
      {"sensitivity", &P::take_nothing},
      {"sensitivityalias", &P::take_nothing},
      {"category", &P::take_nothing},
      {"categoryalias", &P::take_nothing},
      {"sensitivitycategory", &P::take_nothing},
      {"level", &P::take_nothing},
      {"typealias", &P::take_nothing},
      {"typeneveraudit", &P::take_nothing},
      {"roleattribute", &P::take_nothing},
      {"rolebounds", &P::take_nothing},
      {"userbounds", &P::take_nothing},
  };
  auto found = kTakers.find(head);
  return found == kTakers.end() ? nullptr : found->second;
}

void KernelCilParser::take(CilNode statement) {
  if (statement.size() == 0) refuse(statement, "an empty statement");
  std::string_view head = symbol(statement[0]);
  Take taker = find_taker(head);
  if (!taker) refuse(statement, fmt::format("unknown statement '{}'", head));
  (this->*taker)(statement);
}

void KernelCilParser::take_handle_unknown(CilNode s) {
  expect_arguments(s, 1);
  tables_.handle_unknown = symbol(s[1]);
}

void KernelCilParser::take_mls(CilNode s) {
  expect_arguments(s, 1);
  tables_.mls = symbol(s[1]) == "true";
}

void KernelCilParser::take_class(CilNode s) {
  expect_arguments(s, 2);
  auto id = static_cast<uint32_t>(tables_.classes.size());
  if (id >= kMostClasses) refuse(s, "too many classes");
  if (!tables_.class_ids.emplace(symbol(s[1]), id).second) {
    refuse(s, fmt::format("class '{}' is declared twice", symbol(s[1])));
  }
  ObjectClass object_class;
  object_class.name = symbol(s[1]);
  object_class.permissions = symbols(s[2]);
  if (object_class.permissions.size() > kMostPermissions) refuse(s, "too many permissions");
  tables_.classes.push_back(std::move(object_class));
}

void KernelCilParser::take_class_common(CilNode s) {
  expect_arguments(s, 2);
  ObjectClass& object_class = tables_.classes[class_id(s[1])];
  if (!object_class.common.empty()) refuse(s, "a class with two commons");
  object_class.common = symbol(s[2]);
}

// Comes after the classes that inherit it.
void KernelCilParser::take_common(CilNode s) {
  expect_arguments(s, 2);
  Common common{std::string(symbol(s[1])), symbols(s[2])};
  for (const Common& other : tables_.commons) {
    if (other.name == common.name) refuse(s, "a common that is declared twice");
  }
  for (ObjectClass& heir : tables_.classes) {
    if (heir.common != common.name) continue;
    heir.inherited = common.permissions.size();
    heir.permissions.insert(heir.permissions.begin(), common.permissions.begin(),
                            common.permissions.end());
    if (heir.permissions.size() > kMostPermissions) {
      refuse(s, fmt::format("too many permissions of class '{}'", heir.name));
    }
  }
  tables_.commons.push_back(std::move(common));
}

void KernelCilParser::take_policy_capability(CilNode s) {
  expect_arguments(s, 1);
  tables_.capabilities.emplace_back(symbol(s[1]));
}

TypeId KernelCilParser::add_type(CilNode name, bool attribute) {
  auto id = static_cast<TypeId>(tables_.types.size());
  if (!tables_.type_ids.emplace(symbol(name), id).second) {
    refuse(name, fmt::format("type '{}' is declared twice", symbol(name)));
  }
  TypeSymbol type;
  type.name = symbol(name);
  type.attribute = attribute;
  tables_.types.push_back(std::move(type));
  return id;
}

void KernelCilParser::take_type(CilNode s) {
  expect_arguments(s, 1);
  add_type(s[1], false);
}

void KernelCilParser::take_type_attribute(CilNode s) {
  expect_arguments(s, 1);
  add_type(s[1], true);
}

void KernelCilParser::take_type_alias(CilNode s) {
  expect_arguments(s, 2);
  TypeId id = type_id(s[2]);
  if (!tables_.type_ids.emplace(symbol(s[1]), id).second) {
    refuse(s, fmt::format("type '{}' is declared twice", symbol(s[1])));
  }
  tables_.types[id].aliases.emplace_back(symbol(s[1]));
}

void KernelCilParser::take_type_bounds(CilNode s) {
  expect_arguments(s, 2);
  tables_.types[type_id(s[2])].bounded_by = type_id(s[1]);
}

void KernelCilParser::take_type_attribute_set(CilNode s) {
  expect_arguments(s, 2);
  TypeId attribute = type_id(s[1]);
  if (!tables_.types[attribute].attribute) refuse(s, "a set of types for what is no attribute");
  for (CilNode member : list(s[2])) {
    TypeId type = type_id(member);
    if (tables_.types[type].attribute) refuse(member, "an attribute among the types of another");
    tables_.types[attribute].related.push_back(type);
    tables_.types[type].related.push_back(attribute);
  }
}

void KernelCilParser::take_type_permissive(CilNode s) {
  expect_arguments(s, 1);
  tables_.types[type_id(s[1])].permissive = true;
}

void KernelCilParser::take_boolean(CilNode s) {
  expect_arguments(s, 2);
  auto id = static_cast<uint32_t>(tables_.booleans.size());
  if (!tables_.boolean_ids.emplace(symbol(s[1]), id).second) {
    refuse(s, fmt::format("boolean '{}' is declared twice", symbol(s[1])));
  }
  tables_.booleans.push_back({std::string(symbol(s[1])), symbol(s[2]) == "true"});
}

void KernelCilParser::take_role(CilNode s) {
  expect_arguments(s, 1);
  auto id = static_cast<uint32_t>(tables_.roles.size());
  if (!tables_.role_ids.emplace(symbol(s[1]), id).second) {
    refuse(s, fmt::format("role '{}' is declared twice", symbol(s[1])));
  }
  tables_.roles.push_back({std::string(symbol(s[1])), {}});
}

void KernelCilParser::take_role_type(CilNode s) {
  expect_arguments(s, 2);
  tables_.roles[role_id(s[1])].types.push_back(type_id(s[2]));
}

void KernelCilParser::take_user(CilNode s) {
  expect_arguments(s, 1);
  if (!user_ids_.emplace(symbol(s[1]), static_cast<uint32_t>(tables_.users.size())).second) {
    refuse(s, fmt::format("user '{}' is declared twice", symbol(s[1])));
  }
  tables_.users.push_back({std::string(symbol(s[1])), {}, {}, {}});
}

User& KernelCilParser::user(CilNode node) {
  auto found = user_ids_.find(symbol(node));
  if (found == user_ids_.end()) refuse(node, fmt::format("unknown user '{}'", symbol(node)));
  return tables_.users[found->second];
}

void KernelCilParser::take_user_role(CilNode s) {
  expect_arguments(s, 2);
  if (symbol(s[2]) != "object_r") user(s[1]).roles.emplace_back(symbol(s[2]));
}

void KernelCilParser::take_user_level(CilNode s) {
  expect_arguments(s, 2);
  if (tables_.mls) user(s[1]).level = parse_level(s[2]);
}

void KernelCilParser::take_user_range(CilNode s) {
  expect_arguments(s, 2);
  if (tables_.mls) user(s[1]).range = parse_range(s[2]);
}

void KernelCilParser::take_sensitivities(CilNode s) {
  add_in_order(tables_.sensitivity_ids, tables_.sensitivities, s);
}

void KernelCilParser::take_categories(CilNode s) {
  add_in_order(tables_.category_ids, tables_.categories, s);
}

void KernelCilParser::take_sensitivity_alias(CilNode s) {
  add_alias(tables_.sensitivity_ids, tables_.sensitivities, s);
}

void KernelCilParser::take_category_alias(CilNode s) {
  add_alias(tables_.category_ids, tables_.categories, s);
}

TypeId KernelCilParser::type_id(CilNode node) const {
  auto found = tables_.type_ids.find(symbol(node));
  if (found == tables_.type_ids.end()) refuse(node, fmt::format("unknown type '{}'", node.text()));
  return found->second;
}

ClassId KernelCilParser::class_id(CilNode node) const {
  auto found = tables_.class_ids.find(symbol(node));
  if (found == tables_.class_ids.end()) {
    refuse(node, fmt::format("unknown class '{}'", node.text()));
  }
  return static_cast<ClassId>(found->second);
}

uint32_t KernelCilParser::role_id(CilNode node) const {
  auto found = tables_.role_ids.find(symbol(node));
  if (found == tables_.role_ids.end()) refuse(node, fmt::format("unknown role '{}'", node.text()));
  return found->second;
}

PolicyTables KernelCilParser::finish() {
  for (TypeSymbol& type : tables_.types) sort_apart(type.related);
  for (Role& role : tables_.roles) sort_apart(role.types);
  // Everything of a rule, so that the order does not depend on the text's.
  std::ranges::sort(tables_.rules, {}, [](const Rule& r) {
    return std::tuple(r.source, r.target, r.object_class, r.kind, r.condition, r.branch,
                      r.file_name, r.value);
  });
  return std::move(tables_);
}

void order_types(PolicyTables& tables, std::string_view names) {
  std::unordered_map<std::string_view, size_t> ranks;
  for_each_line(names, [&](std::string_view name, size_t number) { ranks.emplace(name, number); });
  auto rank = [&](std::string_view name) {
    auto found = ranks.find(name);
    return found == ranks.end() ? SIZE_MAX : found->second;
  };
  for (TypeSymbol& type : tables.types) {
    std::ranges::stable_sort(type.related, {},
                             [&](TypeId id) { return rank(tables.types[id].name); });
    std::ranges::stable_sort(type.aliases, {}, rank);
  }
}

void set_object_types(PolicyTables& tables, std::string_view names) {
  auto found = tables.role_ids.find("object_r");
  if (found == tables.role_ids.end()) return;
  std::vector<TypeId>& types = tables.roles[found->second].types;
  types.clear();
  for_each_line(names, [&](std::string_view name, size_t) {
    if (auto type = tables.type_ids.find(name); type != tables.type_ids.end()) {
      types.push_back(type->second);
    }
  });
}

PolicyTables parse_kernel_cil(std::string_view cil) {
  CilReader reader(cil, CilReader::Names::kMaybeBare);
  KernelCilParser parser;
  while (reader.next()) parser.take(reader.statement());
  return parser.finish();
}

}  // namespace policy
