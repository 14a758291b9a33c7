// SPDX-License-Identifier: Apache-2.0
#include "policy/policy_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "imagefmt/base/error.h"
#include "policy/ip_network.h"
#include "policy/rule_text.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;

namespace {

/// A component's element: what sorts it and is printed, and what -x prints instead.
struct Item {
  std::string text, statement;
};
using Items = std::vector<Item>;
using List = Items (*)(const PolicyTables& tables, const std::string& limit);

Items whole(std::vector<std::string> statements) {
  Items items;
  for (std::string& statement : statements) items.push_back({statement, statement});
  return items;
}

bool takes(const std::string& limit, std::string_view name) {
  return limit.empty() || limit == name;
}

bool takes(const std::string& limit, std::string_view name,
           const std::vector<std::string>& aliases) {
  return takes(limit, name) || std::ranges::find(aliases, limit) != aliases.end();
}

std::string alias_text(const std::vector<std::string>& aliases) {
  return aliases.empty() ? "" : fmt::format(" alias {}", braced(aliases));
}

/// For a limit that must be a class.
std::optional<ClassId> class_limit(const PolicyTables& tables, const std::string& limit) {
  if (limit.empty()) return std::nullopt;
  auto found = tables.class_ids.find(limit);
  if (found == tables.class_ids.end()) throw Error(fmt::format("unknown class '{}'", limit));
  return static_cast<ClassId>(found->second);
}

uint32_t parse_number(std::string_view text, int base, std::string_view what) {
  std::string_view digits = text;
  if (base == 16 && digits.starts_with("0x")) digits.remove_prefix(2);
  uint32_t value = 0;
  auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (failure != std::errc() || end != digits.data() + digits.size()) {
    throw Error(fmt::format("no {}: '{}'", what, text));
  }
  return value;
}

NumberRun parse_run(const std::string& text, int base, std::string_view what) {
  std::vector<std::string_view> ends = split(text, '-', 2);
  return {parse_number(ends.front(), base, what), parse_number(ends.back(), base, what)};
}

std::string run_text(uint32_t low, uint32_t high) {
  return low == high ? fmt::format("{}", low) : fmt::format("{}-{}", low, high);
}

std::string lines_text(const std::vector<std::string>& names) {
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  return fmt::format("{{\n\t{}\n}}", fmt::join(sorted, "\n\t"));
}

std::vector<std::string> type_names(const PolicyTables& tables, const std::vector<TypeId>& ids) {
  std::vector<std::string> names;
  for (TypeId id : ids) names.push_back(tables.types[id].name);
  return names;
}

Items list_booleans(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const Boolean& boolean : tables.booleans) {
    if (!takes(limit, boolean.name)) continue;
    items.push_back({boolean.name, fmt::format("bool {} {};", boolean.name, boolean.state)});
  }
  return items;
}

Items list_mls(const PolicyTables& tables, const std::vector<MlsSymbol>& symbols,
               std::string_view what, const std::string& limit) {
  Items items;
  if (!tables.mls) return items;
  for (const MlsSymbol& symbol : symbols) {
    if (!takes(limit, symbol.name, symbol.aliases)) continue;
    items.push_back(
        {symbol.name, fmt::format("{} {}{};", what, symbol.name, alias_text(symbol.aliases))});
  }
  return items;
}

Items list_categories(const PolicyTables& tables, const std::string& limit) {
  return list_mls(tables, tables.categories, "category", limit);
}

Items list_sensitivities(const PolicyTables& tables, const std::string& limit) {
  return list_mls(tables, tables.sensitivities, "sensitivity", limit);
}

Items list_classes(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const ObjectClass& c : tables.classes) {
    if (!takes(limit, c.name)) continue;
    std::string statement = fmt::format("class {}\n", c.name);
    if (!c.common.empty()) statement += fmt::format("inherits {}\n", c.common);
    if (c.permissions.size() > c.inherited) {
      statement += lines_text(
          {c.permissions.begin() + static_cast<ptrdiff_t>(c.inherited), c.permissions.end()});
    }
    items.push_back({c.name, statement});
  }
  return items;
}

Items list_commons(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const Common& common : tables.commons) {
    if (!takes(limit, common.name)) continue;
    items.push_back(
        {common.name, fmt::format("common {}\n{}", common.name, lines_text(common.permissions))});
  }
  return items;
}

Items list_some_constraints(const PolicyTables& tables, const std::string& limit,
                            bool transitions) {
  std::optional<ClassId> object_class = class_limit(tables, limit);
  std::vector<std::string> statements;
  for (const Constraint& constraint : tables.constraints) {
    if ((constraint.permissions == 0) != transitions) continue;
    if (object_class && *object_class != constraint.object_class) continue;
    statements.push_back(to_string(tables, constraint));
  }
  return whole(std::move(statements));
}

Items list_constraints(const PolicyTables& tables, const std::string& limit) {
  return list_some_constraints(tables, limit, false);
}

Items list_validatetrans(const PolicyTables& tables, const std::string& limit) {
  return list_some_constraints(tables, limit, true);
}

Items list_defaults(const PolicyTables& tables, const std::string& limit) {
  std::optional<ClassId> object_class = class_limit(tables, limit);
  std::vector<std::string> statements;
  for (const DefaultRule& rule : tables.defaults) {
    if (object_class && *object_class != rule.object_class) continue;
    statements.push_back(fmt::format("{} {} {}{}{};", rule.what,
                                     tables.classes[rule.object_class].name, rule.value,
                                     rule.range.empty() ? "" : " ", rule.range));
  }
  return whole(std::move(statements));
}

Items list_fs_uses(const PolicyTables& tables, const std::string& limit) {
  std::vector<std::string> statements;
  for (const FsUse& use : tables.fs_uses) {
    if (!takes(limit, use.filesystem)) continue;
    statements.push_back(fmt::format("fs_use_{} {} {};", use.behavior, use.filesystem,
                                     to_string(tables, use.context)));
  }
  return whole(std::move(statements));
}

Items list_genfscons(const PolicyTables& tables, const std::string& limit) {
  static const std::map<std::string_view, std::string_view> kFlags = {
      {"", ""},        {"file", "--"},   {"dir", "-d"},  {"char", "-c"},
      {"block", "-b"}, {"socket", "-s"}, {"pipe", "-p"}, {"symlink", "-l"}};
  // libsepol leaves the `*` out that such a policy's paths end with.
  bool wildcard = std::ranges::find(tables.capabilities, "genfs_seclabel_wildcard") !=
                  tables.capabilities.end();
  std::vector<std::string> statements;
  for (const Genfscon& genfscon : tables.genfscons) {
    if (!takes(limit, genfscon.filesystem)) continue;
    auto flag = kFlags.find(genfscon.file_type);
    if (flag == kFlags.end()) {
      throw Error(fmt::format("unknown file type '{}'", genfscon.file_type));
    }
    statements.push_back(fmt::format("genfscon {} {}{} {} {}", genfscon.filesystem, genfscon.path,
                                     wildcard ? "*" : "", flag->second,
                                     to_string(tables, genfscon.context)));
  }
  return whole(std::move(statements));
}

Items list_ibendportcons(const PolicyTables& tables, const std::string& limit) {
  std::vector<std::string> statements;
  for (const Ibendportcon& port : tables.ibendportcons) {
    if (!takes(limit, port.device)) continue;
    statements.push_back(fmt::format("ibendportcon {} {} {}", port.device, port.port,
                                     to_string(tables, port.context)));
  }
  return whole(std::move(statements));
}

Items list_ibpkeycons(const PolicyTables& tables, const std::string& limit) {
  std::optional<NumberRun> run;
  if (!limit.empty()) run = parse_run(limit, 16, "pkey");
  std::vector<std::string> statements;
  for (const Ibpkeycon& key : tables.ibpkeycons) {
    if (run && *run != NumberRun(key.low, key.high)) continue;
    std::string range = key.low == key.high ? fmt::format("{:#x}", key.low)
                                            : fmt::format("{:#x}-{:#x}", key.low, key.high);
    statements.push_back(fmt::format("ibpkeycon {} {} {}",
                                     address_text(parse_network(key.subnet, "")), range,
                                     to_string(tables, key.context)));
  }
  return whole(std::move(statements));
}

Items list_initial_sids(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const InitialSid& sid : tables.initial_sids) {
    if (!takes(limit, sid.name)) continue;
    items.push_back({sid.name, fmt::format("sid {} {}", sid.name, to_string(tables, sid.context))});
  }
  return items;
}

Items list_netifcons(const PolicyTables& tables, const std::string& limit) {
  std::vector<std::string> statements;
  for (const Netifcon& netif : tables.netifcons) {
    if (!takes(limit, netif.name)) continue;
    statements.push_back(fmt::format("netifcon {} {} {}", netif.name,
                                     to_string(tables, netif.context),
                                     to_string(tables, netif.packet)));
  }
  return whole(std::move(statements));
}

Items list_nodecons(const PolicyTables& tables, const std::string& limit) {
  std::optional<IpNetwork> wanted;
  if (!limit.empty()) {
    std::vector<std::string_view> parts = split(limit, '/', 2);
    wanted = parse_network(parts[0], parts.size() == 2 ? parts[1] : "");
  }
  std::vector<std::string> statements;
  for (const Nodecon& node : tables.nodecons) {
    IpNetwork network = parse_network(node.address, node.mask);
    if (wanted && *wanted != network) continue;
    statements.push_back(fmt::format("nodecon {} {} {}", address_text(network), mask_text(network),
                                     to_string(tables, node.context)));
  }
  return whole(std::move(statements));
}

Items list_capabilities(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const std::string& name : tables.capabilities) {
    if (takes(limit, name)) items.push_back({name, fmt::format("policycap {};", name)});
  }
  return items;
}

Items list_portcons(const PolicyTables& tables, const std::string& limit) {
  std::optional<NumberRun> run;
  if (!limit.empty()) run = parse_run(limit, 10, "port number");
  std::vector<std::string> statements;
  for (const Portcon& port : tables.portcons) {
    if (run && (port.low > run->first || run->second > port.high)) continue;
    statements.push_back(fmt::format("portcon {} {} {}", port.protocol,
                                     run_text(port.low, port.high),
                                     to_string(tables, port.context)));
  }
  return whole(std::move(statements));
}

Items list_roles(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const Role& role : tables.roles) {
    if (!takes(limit, role.name)) continue;
    std::vector<std::string> types = type_names(tables, role.types);
    std::ranges::sort(types);
    items.push_back({role.name, fmt::format("role {} types {};", role.name, braced(types))});
  }
  return items;
}

Items list_typebounds(const PolicyTables& tables, const std::string& limit) {
  std::vector<std::string> statements;
  for (const TypeSymbol& type : tables.types) {
    if (!type.bounded_by || !takes(limit, type.name)) continue;
    statements.push_back(
        fmt::format("typebounds {} {};", tables.types[*type.bounded_by].name, type.name));
  }
  return whole(std::move(statements));
}

Item type_item(const PolicyTables& tables, const TypeSymbol& type) {
  std::string statement = fmt::format("type {}{}", type.name, alias_text(type.aliases));
  for (TypeId attribute : type.related) statement += ", " + tables.types[attribute].name;
  return {type.name, statement + ';'};
}

Items list_types(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const TypeSymbol& type : tables.types) {
    if (!type.attribute && takes(limit, type.name, type.aliases)) {
      items.push_back(type_item(tables, type));
    }
  }
  return items;
}

Items list_permissive_types(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const TypeSymbol& type : tables.types) {
    if (type.permissive && takes(limit, type.name)) items.push_back(type_item(tables, type));
  }
  return items;
}

Items list_attributes(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const TypeSymbol& type : tables.types) {
    if (!type.attribute || !takes(limit, type.name)) continue;
    std::vector<std::string> types = type_names(tables, type.related);
    std::ranges::sort(types);
    if (types.empty()) types.emplace_back("<empty attribute>");
    items.push_back(
        {type.name, fmt::format("attribute {};\n\t{}", type.name, fmt::join(types, "\n\t"))});
  }
  return items;
}

Items list_users(const PolicyTables& tables, const std::string& limit) {
  Items items;
  for (const User& user : tables.users) {
    if (!takes(limit, user.name)) continue;
    std::vector<std::string> roles = user.roles;
    std::ranges::sort(roles);
    std::string statement = fmt::format("user {} roles {}", user.name, braced(roles));
    if (tables.mls) {
      statement += fmt::format(" level {} range {}", to_string(tables, user.level),
                               to_string(tables, user.range));
    }
    items.push_back({user.name, statement + ';'});
  }
  return items;
}

struct Section {
  std::string_view title;
  List list;
  bool in_own_order = false;  // else sorted by bytes
};

/// An entry for each Component.
constexpr Section kSections[] = {
    {"Booleans", list_booleans},
    {"Categories", list_categories, true},
    {"Classes", list_classes},
    {"Commons", list_commons},
    {"Constraints", list_constraints},
    {"Default rules", list_defaults},
    {"Fs_use", list_fs_uses},
    {"Genfscon", list_genfscons},
    {"Ibendportcon", list_ibendportcons},
    {"Ibpkeycon", list_ibpkeycons},
    {"Initial SIDs", list_initial_sids},
    {"Netifcon", list_netifcons},
    {"Nodecon", list_nodecons},
    {"Permissive Types", list_permissive_types},
    {"Polcap", list_capabilities},
    {"Portcon", list_portcons},
    {"Roles", list_roles},
    {"Sensitivities", list_sensitivities, true},
    {"Typebounds", list_typebounds},
    {"Types", list_types},
    {"Type Attributes", list_attributes},
    {"Users", list_users},
    {"Validatetrans", list_validatetrans},
};
static_assert(std::size(kSections) == static_cast<size_t>(Component::kValidatetrans) + 1);

std::string statistics(const PolicyTables& t, std::string_view name) {
  auto types = [&](auto matches) { return std::ranges::count_if(t.types, matches); };
  auto rules = [&](RuleKind kind) { return std::ranges::count(t.rules, kind, &Rule::kind); };
  auto constraints = [&](bool transitions, bool mls) {
    return std::ranges::count_if(t.constraints, [&](const Constraint& c) {
      return (c.permissions == 0) == transitions && c.mls == mls;
    });
  };
  size_t permissions = 0;
  for (const Common& common : t.commons) permissions += common.permissions.size();
  for (const ObjectClass& c : t.classes) permissions += c.permissions.size() - c.inherited;

  std::string text = fmt::format(
      "Statistics for policy file: {}\n"
      "Policy Version:             {} (MLS {})\n"
      "Target Policy:              selinux\n"
      "Handle unknown classes:     {}\n",
      name, t.version, t.mls ? "enabled" : "disabled", t.handle_unknown);
  auto line = [&](std::string_view left, auto left_count, std::string_view right,
                  auto right_count) {
    text += fmt::format("  {:<17}{:7}    {:<17}{:7}\n", fmt::format("{}:", left), left_count,
                        fmt::format("{}:", right), right_count);
  };
  line("Classes", t.classes.size(), "Permissions", permissions);
  line("Sensitivities", t.mls ? t.sensitivities.size() : 0, "Categories",
       t.mls ? t.categories.size() : 0);
  line("Types", types([](const TypeSymbol& s) { return !s.attribute; }), "Attributes",
       types([](const TypeSymbol& s) { return s.attribute; }));
  line("Users", t.users.size(), "Roles", t.roles.size());
  line("Booleans", t.booleans.size(), "Cond. Expr.", t.conditions.size());
  line("Allow", rules(RuleKind::kAllow), "Neverallow", rules(RuleKind::kNeverAllow));
  line("Auditallow", rules(RuleKind::kAuditAllow), "Dontaudit", rules(RuleKind::kDontAudit));
  line("Type_trans", rules(RuleKind::kTypeTransition), "Type_change", rules(RuleKind::kTypeChange));
  line("Type_member", rules(RuleKind::kTypeMember), "Range_trans", t.range_transitions.size());
  line("Role allow", t.role_allows.size(), "Role_trans", t.role_transitions.size());
  line("Constraints", constraints(false, false), "Validatetrans", constraints(true, false));
  line("MLS Constrain", constraints(false, true), "MLS Val. Tran", constraints(true, true));
  line("Permissives", types([](const TypeSymbol& s) { return s.permissive; }), "Polcap",
       t.capabilities.size());
  line("Defaults", t.defaults.size(), "Typebounds",
       types([](const TypeSymbol& s) { return s.bounded_by.has_value(); }));
  line("Allowxperm", rules(RuleKind::kAllowXperm), "Neverallowxperm",
       rules(RuleKind::kNeverAllowXperm));
  line("Auditallowxperm", rules(RuleKind::kAuditAllowXperm), "Dontauditxperm",
       rules(RuleKind::kDontAuditXperm));
  line("Ibendportcon", t.ibendportcons.size(), "Ibpkeycon", t.ibpkeycons.size());
  line("Initial SIDs", t.initial_sids.size(), "Fs_use", t.fs_uses.size());
  line("Genfscon", t.genfscons.size(), "Portcon", t.portcons.size());
  line("Netifcon", t.netifcons.size(), "Nodecon", t.nodecons.size());
  return text;
}

}  // namespace

std::string describe_policy(const PolicyRules& rules, std::string_view name,
                            const InfoQuery& query) {
  const PolicyTables& tables = rules.tables();
  std::map<Component, std::string> components = query.components;
  if (query.all) {
    for (size_t i = 0; i < std::size(kSections); ++i) components.try_emplace(Component(i));
  }
  std::string text;
  if ((query.components.empty() || query.all) && !query.flat) text = statistics(tables, name);
  for (const auto& [component, limit] : components) {
    const Section& section = kSections[static_cast<size_t>(component)];
    Items items = section.list(tables, limit);
    if (!section.in_own_order) std::ranges::sort(items, {}, &Item::text);
    if (!query.flat) text += fmt::format("\n{}: {}\n", section.title, items.size());
    for (const Item& item : items) {
      text +=
          fmt::format("{}{}\n", query.flat ? "" : "   ", query.expand ? item.statement : item.text);
    }
  }
  return text;
}

}  // namespace policy
