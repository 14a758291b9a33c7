// SPDX-License-Identifier: Apache-2.0
#include "policy/rule_search.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>

#include "imagefmt/base/error.h"
#include "policy/level_text.h"
#include "policy/pcre.h"
#include "policy/rule_text.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;

namespace {

/// Whether a criterion takes the name of that index.
using Chosen = std::vector<bool>;

std::function<bool(std::string_view)> name_finder(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  std::shared_ptr<pcre2_code> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()),
                                                 pattern.size(), 0, &error, &offset, nullptr),
                                   imagefmt::Deleter<pcre2_code_free_8>());
  if (!code) {
    throw Error(
        fmt::format("cannot search for '{}': {} (byte {})", pattern, pcre_error(error), offset));
  }
  return [code, pattern](std::string_view name) {
    return imagefmt::with_context(fmt::format("cannot search for '{}'", pattern),
                                  [&] { return matches(*code, name); });
  };
}

uint32_t look_up(const NameIndex& index, std::string_view what, std::string_view name) {
  auto found = index.find(name);
  if (found == index.end()) throw Error(fmt::format("unknown {} '{}'", what, name));
  return found->second;
}

/// The symbols named by a list, or found by an expression.
template <class Symbols>
std::optional<Chosen> choose(const Symbols& symbols, const NameIndex& index, std::string_view what,
                             const std::string& names, bool regex) {
  if (names.empty()) return std::nullopt;
  Chosen chosen(symbols.size());
  if (regex) {
    auto found = name_finder(names);
    for (size_t i = 0; i < symbols.size(); ++i) chosen[i] = found(symbols[i].name);
  } else {
    for (std::string_view name : split(names, ',')) chosen[look_up(index, what, name)] = true;
  }
  return chosen;
}

/// `direct`: the symbol itself; else it has a type in common with what is asked for.
std::optional<Chosen> choose_types(const PolicyTables& tables, const std::string& name, bool regex,
                                   bool direct) {
  if (name.empty()) return std::nullopt;
  const std::vector<TypeSymbol>& types = tables.types;
  Chosen chosen(types.size());
  if (regex) {
    auto found = name_finder(name);
    for (size_t i = 0; i < types.size(); ++i) {
      if (direct || !types[i].attribute) chosen[i] = found(types[i].name);
    }
  } else {
    TypeId asked = look_up(tables.type_ids, "type or attribute", name);
    if (direct || !types[asked].attribute) {
      chosen[asked] = true;
    } else {
      for (TypeId type : types[asked].related) chosen[type] = true;
    }
  }
  if (direct) return chosen;
  for (size_t i = 0; i < types.size(); ++i) {
    if (!types[i].attribute) continue;
    chosen[i] = std::ranges::any_of(types[i].related, [&](TypeId type) { return chosen[type]; });
  }
  return chosen;
}

std::vector<std::string> chosen_permissions(const PolicyTables& tables, const RuleQuery& query,
                                            const std::optional<Chosen>& classes) {
  std::vector<std::string> names;
  if (query.permissions.empty()) return names;
  for (std::string_view name : split(query.permissions, ',')) {
    bool known = false;
    for (size_t i = 0; i < tables.classes.size(); ++i) {
      // An expression's classes are not what the names are held against, as in sesearch.
      if (classes && !query.class_regex && !(*classes)[i]) continue;
      const std::vector<std::string>& permissions = tables.classes[i].permissions;
      known = known || std::ranges::find(permissions, name) != permissions.end();
    }
    if (!known) throw Error(fmt::format("unknown permission '{}'", name));
    names.emplace_back(name);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

uint32_t parse_xperm(std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  uint32_t value = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (failure != std::errc() || end != digits.data() + digits.size() || value > UINT16_MAX) {
    throw Error(fmt::format("no extended permission: '{}'", text));
  }
  return value;
}

std::vector<NumberRun> parse_xperms(const std::string& text) {
  std::vector<NumberRun> runs;
  if (text.empty()) return runs;
  for (std::string_view item : split(text, ',')) {
    std::vector<std::string_view> ends = split(item, '-', 2);
    uint32_t low = parse_xperm(ends.front()), high = parse_xperm(ends.back());
    runs.emplace_back(std::min(low, high), std::max(low, high));
  }
  return join_runs(std::move(runs));
}

bool overlap(const std::vector<NumberRun>& a, const std::vector<NumberRun>& b) {
  return std::ranges::any_of(a, [&](const NumberRun& x) {
    return std::ranges::any_of(
        b, [&](const NumberRun& y) { return x.first <= y.second && y.first <= x.second; });
  });
}

bool is_access(RuleKind kind) {
  return kind <= RuleKind::kNeverAllow;
}
bool is_xperm(RuleKind kind) {
  return !is_access(kind) && kind <= RuleKind::kNeverAllowXperm;
}

/// The criteria of rules of type enforcement, resolved.
class TeSearch {
 public:
  TeSearch(const PolicyTables& tables, const RuleQuery& query)
      : tables_(tables),
        query_(query),
        sources_(choose_types(tables, query.source, query.source_regex, query.source_direct)),
        targets_(choose_types(tables, query.target, query.target_regex, query.target_direct)),
        classes_(
            choose(tables.classes, tables.class_ids, "class", query.classes, query.class_regex)),
        new_types_(choose_types(tables, query.new_name, query.new_name_regex, false)),
        booleans_(choose(tables.booleans, tables.boolean_ids, "boolean", query.booleans,
                         query.boolean_regex)),
        permissions_(chosen_permissions(tables, query, classes_)),
        xperms_(parse_xperms(query.xperms)) {
    for (const ObjectClass& object_class : tables.classes) {
      ClassMask mask;
      for (const std::string& name : permissions_) {
        auto found = std::ranges::find(object_class.permissions, name);
        if (found == object_class.permissions.end()) {
          mask.all = false;
        } else {
          mask.bits |= uint32_t{1} << (found - object_class.permissions.begin());
        }
      }
      masks_.push_back(mask);
    }
  }

  bool finds(const Rule& rule) const {
    return std::ranges::find(query_.kinds, rule.kind) != query_.kinds.end() &&
           (!sources_ || (*sources_)[rule.source]) && (!targets_ || (*targets_)[rule.target]) &&
           (!classes_ || (*classes_)[rule.object_class]) &&
           (permissions_.empty() || meets_permissions(rule)) &&
           (xperms_.empty() || meets_xperms(rule)) && (!new_types_ || meets_new_type(rule)) &&
           (!booleans_ || meets_booleans(rule));
  }

 private:
  struct ClassMask {
    uint32_t bits = 0;
    bool all = true;  // the class has every permission that is asked for
  };

  bool meets_permissions(const Rule& rule) const {
    if (is_xperm(rule.kind)) {
      if (query_.permissions_equal && permissions_.size() > 1) return false;
      return std::ranges::find(permissions_, tables_.xperms[rule.value].what) != permissions_.end();
    }
    if (!is_access(rule.kind)) return false;
    const ClassMask& mask = masks_[rule.object_class];
    if (query_.permissions_subset) return mask.all && (rule.value & mask.bits) == mask.bits;
    if (query_.permissions_equal) return mask.all && rule.value == mask.bits;
    return (rule.value & mask.bits) != 0;
  }

  bool meets_xperms(const Rule& rule) const {
    if (!is_xperm(rule.kind)) return false;
    const std::vector<NumberRun>& runs = tables_.xperms[rule.value].runs;
    return query_.xperms_equal ? runs == xperms_ : overlap(runs, xperms_);
  }

  bool meets_new_type(const Rule& rule) const {
    return !is_access(rule.kind) && !is_xperm(rule.kind) && (*new_types_)[rule.value];
  }

  bool meets_booleans(const Rule& rule) const {
    if (rule.condition == Rule::kNone) return false;
    Chosen used(tables_.booleans.size());
    bool any = false;
    for (const ConditionToken& token : tables_.conditions[rule.condition]) {
      if (token.op != ConditionToken::Op::kBoolean) continue;
      used[token.boolean] = true;
      any = any || (*booleans_)[token.boolean];
    }
    // An expression overrides equality, as in sesearch.
    return query_.booleans_equal && !query_.boolean_regex ? used == *booleans_ : any;
  }

  const PolicyTables& tables_;
  const RuleQuery& query_;
  std::optional<Chosen> sources_, targets_, classes_, new_types_, booleans_;
  std::vector<std::string> permissions_;
  std::vector<NumberRun> xperms_;
  std::vector<ClassMask> masks_;  // an entry for each class
};

void append_sorted(std::vector<std::string>& lines, std::vector<std::string> more) {
  std::ranges::sort(more);
  lines.insert(lines.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
}

std::vector<std::string> search_types(const PolicyTables& tables, const RuleQuery& query) {
  TeSearch search(tables, query);
  std::vector<std::string> lines;
  for (const Rule& rule : tables.rules) {
    if (search.finds(rule)) lines.push_back(to_string(tables, rule));
  }
  return lines;
}

std::vector<std::string> search_roles(const PolicyTables& tables, const RuleQuery& query) {
  std::optional<Chosen> sources =
      choose(tables.roles, tables.role_ids, "role", query.source, query.source_regex);
  std::optional<Chosen> new_roles =
      choose(tables.roles, tables.role_ids, "role", query.new_name, query.new_name_regex);
  std::optional<Chosen> classes =
      choose(tables.classes, tables.class_ids, "class", query.classes, query.class_regex);
  // The target is a role for an allow, a type for a transition; a name stands for one of them, an
  // expression for both.
  std::optional<Chosen> types, roles;
  if (!query.target.empty()) {
    bool is_type = tables.type_ids.contains(query.target);
    types.emplace(tables.types.size());
    roles.emplace(tables.roles.size());
    if (query.target_regex || is_type) {
      types = choose_types(tables, query.target, query.target_regex, query.target_direct);
    }
    if (query.target_regex || !is_type) {
      roles = choose(tables.roles, tables.role_ids, "type, attribute or role", query.target,
                     query.target_regex);
    }
  }
  std::vector<std::string> lines;
  if (query.role_allow && !classes && !new_roles) {
    for (const RoleAllow& rule : tables.role_allows) {
      if ((!sources || (*sources)[rule.source]) && (!roles || (*roles)[rule.target])) {
        lines.push_back(to_string(tables, rule));
      }
    }
  }
  if (query.role_transition) {
    for (const RoleTransition& rule : tables.role_transitions) {
      if ((!sources || (*sources)[rule.source]) && (!types || (*types)[rule.target]) &&
          (!classes || (*classes)[rule.object_class]) &&
          (!new_roles || (*new_roles)[rule.new_role])) {
        lines.push_back(to_string(tables, rule));
      }
    }
  }
  return lines;
}

std::vector<std::string> search_ranges(const PolicyTables& tables, const RuleQuery& query) {
  std::optional<Chosen> sources =
      choose_types(tables, query.source, query.source_regex, query.source_direct);
  std::optional<Chosen> targets =
      choose_types(tables, query.target, query.target_regex, query.target_direct);
  std::optional<Chosen> classes =
      choose(tables.classes, tables.class_ids, "class", query.classes, query.class_regex);
  std::optional<LevelRange> range;
  if (!query.new_name.empty()) range = parse_level_range(tables, query.new_name);
  std::vector<std::string> lines;
  for (const RangeTransition& rule : tables.range_transitions) {
    if ((!sources || (*sources)[rule.source]) && (!targets || (*targets)[rule.target]) &&
        (!classes || (*classes)[rule.object_class]) && (!range || *range == rule.range)) {
      lines.push_back(to_string(tables, rule));
    }
  }
  return lines;
}

}  // namespace

std::vector<std::string> search_rules(const PolicyRules& rules, const RuleQuery& query) {
  const PolicyTables& tables = rules.tables();
  std::vector<std::string> lines;
  if (!query.kinds.empty()) append_sorted(lines, search_types(tables, query));
  if (query.role_allow || query.role_transition) append_sorted(lines, search_roles(tables, query));
  if (query.range_transition) append_sorted(lines, search_ranges(tables, query));
  return lines;
}

}  // namespace policy
