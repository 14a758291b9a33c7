// SPDX-License-Identifier: Apache-2.0
#include "policy/neverallows.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "imagefmt/base/error.h"
#include "policy/cil_text.h"
#include "policy/kernel_cil.h"

namespace policy {

namespace {

using Set = std::vector<bool>;

/// A part of a statement that outlives the reader.
struct Expression {
  std::string name;
  std::vector<Expression> items;
  bool is_list = false;
};

Expression copy(CilNode node) {
  Expression expression{std::string(node.text()), {}, node.is_list()};
  if (!node.is_list()) return expression;
  for (CilNode item : node) expression.items.push_back(copy(item));
  return expression;
}

std::string text_of(const Expression& expression) {
  if (!expression.is_list) return expression.name;
  std::vector<std::string> items;
  for (const Expression& item : expression.items) items.push_back(text_of(item));
  return fmt::format("({})", fmt::join(items, " "));
}

template <class Combine>
void combine(Set& into, const Set& other, Combine operation) {
  for (size_t i = 0; i < into.size(); ++i) into[i] = operation(into[i], other[i]);
}

/// Of sets, each named by the one around it or standing in it. libsepol's own parser bounds the
/// parentheses of a statement alone.
constexpr size_t kMostDepth = 1000;

/// `(and A B)`, `(or A B)`, `(xor A B)`, `(not A)`, `(all)`, or a list of names: their union.
/// `set_of(name, depth)` gives a Set of `size`.
template <class SetOf>
Set evaluate(const Expression& expression, size_t size, SetOf& set_of, size_t depth = 0) {
  if (depth > kMostDepth) {
    throw imagefmt::Error(fmt::format("sets nest deeper than {}", kMostDepth));
  }
  if (!expression.is_list) {
    return expression.name == "all" ? Set(size, true) : set_of(expression.name, depth);
  }
  const std::vector<Expression>& items = expression.items;
  if (items.empty()) return Set(size);
  std::string_view op = items[0].is_list ? "" : std::string_view(items[0].name);
  if (op == "not" && items.size() == 2) {
    Set set = evaluate(items[1], size, set_of, depth + 1);
    set.flip();
    return set;
  }
  bool binary = (op == "and" || op == "or" || op == "xor") && items.size() == 3;
  Set set = evaluate(items[binary ? 1 : 0], size, set_of, depth + 1);
  for (size_t i = binary ? 2 : 1; i < items.size(); ++i) {
    Set other = evaluate(items[i], size, set_of, depth + 1);
    combine(set, other, [&](bool a, bool b) {
      return binary && op == "and" ? a && b : binary && op == "xor" ? a != b : a || b;
    });
  }
  return set;
}

struct RawRule {
  std::string module;
  size_t line = 0;
  Expression source, target, access;
};

}  // namespace

class Neverallows::Reader {
 public:
  explicit Reader(const PolicyTables& tables) : tables_(tables) {}

  void read(const CilModule& module) {
    imagefmt::with_context(fmt::format("cannot read module '{}'", module.name), [&] {
      CilReader reader(module.cil);
      while (reader.next()) take(reader.statement(), module.name);
    });
  }

  std::vector<Entry> entries() {
    std::vector<Entry> entries;
    for (const RawRule& rule : rules_) {
      const std::vector<Expression> given{rule.access};
      for (const Expression& access : rule.access.is_list ? given : accesses_[rule.access.name]) {
        std::optional<Entry> entry = imagefmt::with_context(
            fmt::format("cannot read module '{}': line {}", rule.module, rule.line),
            [&] { return resolve(rule, access); });
        if (entry) entries.push_back(std::move(*entry));
      }
    }
    return entries;
  }

 private:
  void take(CilNode s, const std::string& module) {
    if (s.size() == 0 || s[0].is_list()) return;
    std::string_view head = s[0].text();
    if (head == "optional") {
      for (CilNode item : s) {
        if (item.is_list()) take(item, module);
      }
    } else if (head == "typeattributeset") {
      expect_arguments(s, 2);
      sets_[std::string(symbol(s[1]))].push_back(copy(s[2]));
    } else if (head == "classpermissionset") {
      expect_arguments(s, 2);
      accesses_[std::string(symbol(s[1]))].push_back(copy(s[2]));
    } else if (head == "neverallow") {
      expect_arguments(s, 3);
      rules_.push_back({module, s.line(), copy(s[1]), copy(s[2]), copy(s[3])});
    }
  }

  /// The types of a name; none for a name that nobody knows, or that is being asked for already.
  Set types_of(const std::string& name, size_t depth) {
    Set types(tables_.types.size());
    if (auto known = tables_.type_ids.find(name); known != tables_.type_ids.end()) {
      const TypeSymbol& symbol = tables_.types[known->second];
      if (!symbol.attribute) {
        types[known->second] = true;
      } else {
        for (TypeId type : symbol.related) types[type] = true;
      }
      return types;
    }
    auto [cached, added] = resolved_.emplace(name, types);
    if (!added) return cached->second;
    if (auto sets = sets_.find(name); sets != sets_.end()) {
      auto set_of = [this](const std::string& other, size_t at) { return types_of(other, at); };
      for (const Expression& expression : sets->second) {
        combine(types, evaluate(expression, types.size(), set_of, depth + 1), std::logical_or<>());
      }
    }
    return resolved_[name] = types;
  }

  std::optional<Entry> resolve(const RawRule& raw, const Expression& access) {
    if (access.items.size() != 2) return std::nullopt;
    auto known = tables_.class_ids.find(access.items[0].name);
    if (known == tables_.class_ids.end()) return std::nullopt;
    Entry entry;
    entry.object_class = static_cast<ClassId>(known->second);
    const ObjectClass& object_class = tables_.classes[entry.object_class];

    size_t count = object_class.permissions.size();
    auto permission = [&](const std::string& name, size_t) {
      Set set(count);
      auto found = std::ranges::find(object_class.permissions, name);
      if (found != object_class.permissions.end()) {
        set[static_cast<size_t>(found - object_class.permissions.begin())] = true;
      }
      return set;
    };
    Set permissions = evaluate(access.items[1], count, permission);
    for (size_t i = 0; i < count; ++i) {
      if (permissions[i]) entry.permissions |= uint32_t{1} << i;
    }

    auto types = [this](const std::string& name, size_t depth) { return types_of(name, depth); };
    entry.sources = evaluate(raw.source, tables_.types.size(), types);
    if (raw.target.name == "self") {
      entry.target = Target::kSelf;
    } else if (raw.target.name == "notself" || raw.target.name == "other") {
      entry.target = Target::kNotSelf;
      entry.targets = raw.target.name == "other" ? entry.sources : Set(tables_.types.size(), true);
    } else {
      entry.targets = evaluate(raw.target, tables_.types.size(), types);
    }
    entry.rule = {raw.module, raw.line,
                  fmt::format("neverallow {} {}:{} {};", text_of(raw.source), text_of(raw.target),
                              object_class.name, text_of(access.items[1]))};
    return entry;
  }

  const PolicyTables& tables_;
  std::map<std::string, std::vector<Expression>> sets_, accesses_;
  std::map<std::string, Set> resolved_;
  std::vector<RawRule> rules_;
};

Neverallows::Neverallows(const PolicyRules& policy, const std::vector<CilModule>& modules)
    : policy_(policy) {
  Reader reader(policy.tables());
  for (const CilModule& module : modules) reader.read(module);
  rules_ = reader.entries();
}

std::vector<Neverallow> Neverallows::forbidding(std::string_view source, std::string_view target,
                                                std::string_view object_class,
                                                std::string_view permission) const {
  TypeId from = policy_.type_id(source), to = policy_.type_id(target);
  ClassId id = policy_.class_id(object_class);
  uint32_t mask = policy_.permission_mask(id, {std::string(permission)});
  std::vector<Neverallow> found;
  for (const Entry& entry : rules_) {
    if (entry.object_class != id || !(entry.permissions & mask) || !entry.sources[from]) continue;
    bool hit = entry.target == Target::kSelf
                   ? from == to
                   : entry.targets[to] && (entry.target == Target::kTypes || from != to);
    if (hit) found.push_back(entry.rule);
  }
  return found;
}

}  // namespace policy
