// SPDX-License-Identifier: Apache-2.0
#include "policy/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <tuple>

#include "imagefmt/base/error.h"
#include "policy/policydb.h"
#include "policy/rule_text.h"

namespace policy {

using imagefmt::Error;

namespace {

/// `state_of(boolean)` is the value of one of PolicyTables::booleans.
template <class StateOf>
bool evaluate(const Condition& condition, const StateOf& state_of) {
  using Op = ConditionToken::Op;
  std::vector<bool> stack;
  auto pop = [&] {
    assert(!stack.empty());
    bool value = stack.back();
    stack.pop_back();
    return value;
  };
  for (const ConditionToken& token : condition) {
    if (token.op == Op::kBoolean) {
      stack.push_back(state_of(token.boolean));
      continue;
    }
    bool right = pop();
    switch (token.op) {
      case Op::kNot:
        stack.push_back(!right);
        continue;
      case Op::kAnd:
        right = pop() && right;
        break;
      case Op::kOr:
        right = pop() || right;
        break;
      case Op::kXor:
      case Op::kUnequal:
        right = pop() != right;
        break;
      case Op::kEqual:
        right = pop() == right;
        break;
      case Op::kBoolean:
        break;
    }
    stack.push_back(right);
  }
  return pop();
}

std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

std::string condition_text(const PolicyTables& tables, const Rule& rule) {
  if (rule.condition == Rule::kNone) return {};
  std::string text = to_string(tables, tables.conditions[rule.condition]);
  return rule.branch ? text : fmt::format("! ( {} )", text);
}

}  // namespace

std::string to_string(const MissingAccess& access) {
  return fmt::format("allow {} {}:{} {};", access.source, access.target, access.object_class,
                     braced(access.permissions));
}

PolicyRules::PolicyRules(std::unique_ptr<const PolicyTables> tables) : tables_(std::move(tables)) {
  for (const Condition& condition : tables_->conditions) {
    condition_holds_.push_back(
        evaluate(condition, [this](uint32_t boolean) { return tables_->booleans[boolean].state; }));
  }
}

PolicyRules PolicyRules::from_cil(std::string_view cil, std::string_view name) {
  return imagefmt::with_context(fmt::format("cannot read policy '{}'", name), [&] {
    return PolicyRules(std::make_unique<const PolicyTables>(parse_kernel_cil(cil)));
  });
}

PolicyRules PolicyRules::from_image(std::string_view bytes, std::string_view name) {
  uint32_t version = parse_policy_version(bytes, name);
  KernelPolicyText text = kernel_policy_text(bytes, name);
  return imagefmt::with_context(fmt::format("cannot read policy '{}'", name), [&] {
    PolicyTables tables = parse_kernel_cil(text.cil);
    tables.version = version;
    order_types(tables, text.type_order);
    set_object_types(tables, text.object_types);
    return PolicyRules(std::make_unique<const PolicyTables>(std::move(tables)));
  });
}

TypeId PolicyRules::type_id(std::string_view name) const {
  auto found = tables_->type_ids.find(name);
  if (found == tables_->type_ids.end()) throw Error(fmt::format("unknown type '{}'", name));
  return found->second;
}

ClassId PolicyRules::class_id(std::string_view name) const {
  auto found = tables_->class_ids.find(name);
  if (found == tables_->class_ids.end()) throw Error(fmt::format("unknown class '{}'", name));
  return static_cast<ClassId>(found->second);
}

uint32_t PolicyRules::permission_mask(ClassId object_class,
                                      const std::vector<std::string>& names) const {
  const ObjectClass& known = tables_->classes[object_class];
  uint32_t mask = 0;
  for (const std::string& name : names) {
    auto found = std::ranges::find(known.permissions, name);
    if (found == known.permissions.end()) {
      throw Error(fmt::format("class '{}' has no permission '{}'", known.name, name));
    }
    mask |= uint32_t{1} << (found - known.permissions.begin());
  }
  return mask;
}

std::vector<std::string> PolicyRules::types() const {
  std::vector<std::string> names;
  for (const TypeSymbol& type : tables_->types) {
    if (!type.attribute) names.push_back(type.name);
  }
  return sorted(std::move(names));
}

std::vector<std::string> PolicyRules::attributes() const {
  std::vector<std::string> names;
  for (const TypeSymbol& type : tables_->types) {
    if (type.attribute) names.push_back(type.name);
  }
  return sorted(std::move(names));
}

bool PolicyRules::is_type(std::string_view name) const {
  auto found = tables_->type_ids.find(name);
  return found != tables_->type_ids.end() && !tables_->types[found->second].attribute;
}

bool PolicyRules::is_attribute(std::string_view name) const {
  auto found = tables_->type_ids.find(name);
  return found != tables_->type_ids.end() && tables_->types[found->second].attribute;
}

std::vector<std::string> PolicyRules::attributes_of(std::string_view type) const {
  if (!is_type(type)) throw Error(fmt::format("unknown type '{}'", type));
  std::vector<std::string> names;
  for (TypeId id : tables_->types[type_id(type)].related) names.push_back(tables_->types[id].name);
  return sorted(std::move(names));
}

std::vector<std::string> PolicyRules::types_of(std::string_view attribute) const {
  if (!is_attribute(attribute)) throw Error(fmt::format("unknown attribute '{}'", attribute));
  std::vector<std::string> names;
  for (TypeId id : tables_->types[type_id(attribute)].related) {
    names.push_back(tables_->types[id].name);
  }
  return sorted(std::move(names));
}

std::vector<TypeId> PolicyRules::with_attributes(TypeId type) const {
  std::vector<TypeId> ids{type};
  const TypeSymbol& symbol = tables_->types[type];
  // The rules of an attribute's members are not the attribute's.
  if (!symbol.attribute) ids.insert(ids.end(), symbol.related.begin(), symbol.related.end());
  return ids;
}

/// The rules for a source and a target, their attributes' included.
template <class Visit>
void PolicyRules::for_each_rule(TypeId source, TypeId target, ClassId object_class,
                                Visit visit) const {
  using Key = std::tuple<TypeId, TypeId, ClassId>;
  auto before = [](const Rule& r, const Key& key) {
    return Key(r.source, r.target, r.object_class) < key;
  };
  std::vector<TypeId> targets = with_attributes(target);
  for (TypeId s : with_attributes(source)) {
    for (TypeId t : targets) {
      Key key(s, t, object_class);
      auto rule = std::lower_bound(tables_->rules.begin(), tables_->rules.end(), key, before);
      for (; rule != tables_->rules.end() &&
             Key(rule->source, rule->target, rule->object_class) == key;
           ++rule) {
        visit(*rule);
      }
    }
  }
}

bool PolicyRules::is_active(const Rule& rule) const {
  return rule.condition == Rule::kNone || condition_holds_[rule.condition] == rule.branch;
}

std::vector<std::string> PolicyRules::booleans_of(const Rule& rule) const {
  std::vector<std::string> names;
  if (rule.condition == Rule::kNone) return names;
  for (const ConditionToken& token : tables_->conditions[rule.condition]) {
    if (token.op == ConditionToken::Op::kBoolean) {
      names.push_back(tables_->booleans[token.boolean].name);
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::pair<std::string, bool>> PolicyRules::settings_for(const Rule& rule) const {
  constexpr size_t kMostBooleans = 12;
  const std::vector<std::string> names = booleans_of(rule);
  if (is_active(rule) || names.size() > kMostBooleans) return {};
  std::vector<uint32_t> ids;
  for (const std::string& name : names) ids.push_back(tables_->boolean_ids.find(name)->second);
  uint32_t best = 0;  // a mask of the names to be turned
  for (uint32_t turned = 1; turned < uint32_t{1} << ids.size(); ++turned) {
    if (best != 0 && std::popcount(turned) >= std::popcount(best)) continue;
    const bool holds = evaluate(tables_->conditions[rule.condition], [&](uint32_t boolean) {
      const auto place = std::ranges::find(ids, boolean) - ids.begin();
      return tables_->booleans[boolean].state != ((turned >> place & 1) != 0);
    });
    if (holds == rule.branch) best = turned;
  }
  std::vector<std::pair<std::string, bool>> settings;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (best >> i & 1) settings.emplace_back(names[i], !tables_->booleans[ids[i]].state);
  }
  return settings;
}

std::string PolicyRules::text(const Rule& rule) const {
  return to_string(*tables_, rule);
}

std::vector<const Rule*> PolicyRules::rules_for(std::string_view source, std::string_view target,
                                                std::string_view object_class,
                                                std::string_view permission, RuleKind kind) const {
  ClassId id = class_id(object_class);
  uint32_t mask = permission_mask(id, {std::string(permission)});
  assert(kind <= RuleKind::kNeverAllow);
  std::vector<const Rule*> rules;
  for_each_rule(type_id(source), type_id(target), id, [&](const Rule& rule) {
    if (rule.kind == kind && rule.value & mask) rules.push_back(&rule);
  });
  return rules;
}

bool PolicyRules::allows(std::string_view source, std::string_view target,
                         std::string_view object_class, std::string_view permission) const {
  std::vector<const Rule*> rules = rules_for(source, target, object_class, permission);
  return std::ranges::any_of(rules, [&](const Rule* rule) { return is_active(*rule); });
}

std::optional<std::string> PolicyRules::transition(std::string_view source, std::string_view target,
                                                   std::string_view object_class) const {
  const Rule* found = nullptr;
  for_each_rule(type_id(source), type_id(target), class_id(object_class), [&](const Rule& rule) {
    if (rule.kind == RuleKind::kTypeTransition && rule.file_name == Rule::kNone &&
        is_active(rule) && !found) {
      found = &rule;
    }
  });
  if (!found) return std::nullopt;
  return tables_->types[found->value].name;
}

std::optional<MissingAccess> PolicyRules::missing(
    TypeId source, TypeId target, std::string_view object_class,
    const std::vector<std::string>& permissions) const {
  ClassId id = class_id(object_class);
  uint32_t lacking = permission_mask(id, permissions);
  const Rule* inactive = nullptr;
  for_each_rule(source, target, id, [&](const Rule& rule) {
    if (rule.kind == RuleKind::kAllow && is_active(rule)) lacking &= ~rule.value;
  });
  if (lacking == 0) return std::nullopt;
  for_each_rule(source, target, id, [&](const Rule& rule) {
    if (rule.kind == RuleKind::kAllow && rule.value & lacking && !inactive) inactive = &rule;
  });
  return MissingAccess{tables_->types[source].name, tables_->types[target].name,
                       std::string(object_class), permission_names(tables_->classes[id], lacking),
                       inactive ? condition_text(*tables_, *inactive) : ""};
}

std::optional<MissingAccess> PolicyRules::missing(
    std::string_view source, std::string_view target, std::string_view object_class,
    const std::vector<std::string>& permissions) const {
  return missing(type_id(source), type_id(target), object_class, permissions);
}

std::vector<DomainEntry> PolicyRules::domains_entered_by(std::string_view exec_type) const {
  TypeId exec = type_id(exec_type);
  ClassId process = class_id("process"), file = class_id("file");
  uint32_t entrypoint = permission_mask(file, {"entrypoint"});
  std::vector<bool> is_target(tables_->types.size()), entered(tables_->types.size());
  for (TypeId id : with_attributes(exec)) is_target[id] = true;
  auto types_in = [&](TypeId id) {
    const TypeSymbol& symbol = tables_->types[id];
    return symbol.attribute ? symbol.related : std::vector<TypeId>{id};
  };

  std::vector<DomainEntry> entries;
  std::vector<bool> has_entrypoint(tables_->types.size());
  for (const Rule& rule : tables_->rules) {
    if (!is_target[rule.target]) continue;
    if (rule.kind == RuleKind::kAllow && rule.object_class == file && rule.value & entrypoint &&
        is_active(rule)) {
      for (TypeId domain : types_in(rule.source)) has_entrypoint[domain] = true;
    }
    if (rule.kind != RuleKind::kTypeTransition || rule.object_class != process ||
        rule.file_name != Rule::kNone) {
      continue;
    }
    TypeId domain = rule.value;
    entered[domain] = true;
    for (TypeId source : types_in(rule.source)) {
      DomainEntry entry{tables_->types[source].name,
                        tables_->types[domain].name,
                        is_active(rule),
                        condition_text(*tables_, rule),
                        {}};
      for (std::optional<MissingAccess> access :
           {missing(source, exec, "file", {"execute", "getattr", "open", "read"}),
            missing(domain, exec, "file", {"entrypoint"}),
            missing(source, domain, "process", {"transition"})}) {
        if (access) entry.missing.push_back(std::move(*access));
      }
      entries.push_back(std::move(entry));
    }
  }
  for (TypeId domain = 0; domain < has_entrypoint.size(); ++domain) {
    if (has_entrypoint[domain] && !entered[domain]) {
      entries.push_back({"", tables_->types[domain].name, true, "", {}});
    }
  }
  std::ranges::sort(entries, {}, [](const DomainEntry& e) {
    return std::tuple(e.domain, e.source, e.condition);
  });
  return entries;
}

std::vector<std::string> PolicyRules::who_may(std::string_view target,
                                              std::string_view object_class,
                                              const std::vector<std::string>& permissions) const {
  ClassId id = class_id(object_class);
  uint32_t wanted = permission_mask(id, permissions);
  std::vector<bool> is_target(tables_->types.size());
  for (TypeId type : with_attributes(type_id(target))) is_target[type] = true;
  std::vector<uint32_t> given(tables_->types.size());
  for (const Rule& rule : tables_->rules) {
    if (rule.kind != RuleKind::kAllow || rule.object_class != id || !is_target[rule.target] ||
        !is_active(rule)) {
      continue;
    }
    const TypeSymbol& source = tables_->types[rule.source];
    given[rule.source] |= rule.value;
    if (source.attribute) {
      for (TypeId type : source.related) given[type] |= rule.value;
    }
  }
  std::vector<std::string> names;
  for (TypeId type = 0; type < given.size(); ++type) {
    if (!tables_->types[type].attribute && (given[type] & wanted) == wanted) {
      names.push_back(tables_->types[type].name);
    }
  }
  return sorted(std::move(names));
}

}  // namespace policy
