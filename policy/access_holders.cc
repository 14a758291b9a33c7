// SPDX-License-Identifier: Apache-2.0
#include "policy/access_holders.h"

#include <algorithm>
#include <set>

namespace policy {
namespace {

/// `open` is asked where the policy capability open_perms is on, as everywhere.
struct Action {
  const char* name;
  std::vector<std::string> permissions;
};

std::string class_of(FileType type) {
  switch (type) {
    case FileType::kDirectory:
      return "dir";
    case FileType::kSymlink:
      return "lnk_file";
    case FileType::kCharacter:
      return "chr_file";
    case FileType::kBlock:
      return "blk_file";
    case FileType::kFifo:
      return "fifo_file";
    case FileType::kSocket:
      return "sock_file";
    case FileType::kAny:
    case FileType::kRegular:
      break;
  }
  return "file";
}

std::vector<Action> actions_on(FileType type) {
  switch (type) {
    case FileType::kDirectory:
      return {{"search", {"search"}},
              {"read", {"open", "read"}},
              {"write", {"add_name", "open", "write"}}};
    case FileType::kSymlink:
    case FileType::kSocket:
      return {{"read", {"read"}}, {"write", {"write"}}};
    case FileType::kCharacter:
    case FileType::kBlock:
    case FileType::kFifo:
      return {{"read", {"open", "read"}}, {"write", {"open", "write"}}};
    case FileType::kAny:
    case FileType::kRegular:
      break;
  }
  return {{"read", {"open", "read"}}, {"write", {"open", "write"}}, {"execute", {"execute"}}};
}

bool has_all(const PolicyRules& rules, const std::string& object_class,
             const std::vector<std::string>& permissions) {
  auto known = rules.tables().class_ids.find(object_class);
  if (known == rules.tables().class_ids.end()) return false;
  const std::vector<std::string>& all = rules.tables().classes[known->second].permissions;
  return std::ranges::all_of(permissions, [&](const std::string& permission) {
    return std::ranges::find(all, permission) != all.end();
  });
}

/// The attributes that active rules for `target` name as their source.
std::set<std::string> attributes_named(const PolicyRules& rules, std::string_view target,
                                       const AccessHolders& holders) {
  const PolicyTables& tables = rules.tables();
  std::set<TypeId> targets = {rules.type_id(target)};
  for (const std::string& attribute : rules.attributes_of(target)) {
    targets.insert(rules.type_id(attribute));
  }
  const ClassId object_class = rules.class_id(holders.object_class);
  const uint32_t wanted = rules.permission_mask(object_class, holders.permissions);
  std::set<std::string> names;
  for (const Rule& rule : tables.rules) {
    if (rule.kind == RuleKind::kAllow && rule.object_class == object_class &&
        (rule.value & wanted) != 0 && tables.types[rule.source].attribute &&
        targets.contains(rule.target) && rules.is_active(rule)) {
      names.insert(tables.types[rule.source].name);
    }
  }
  return names;
}

void summarize(const PolicyRules& rules, std::string_view target, AccessHolders& holders) {
  std::set<std::string> rest(holders.types.begin(), holders.types.end());
  std::vector<std::pair<std::string, std::vector<std::string>>> candidates;
  for (const std::string& name : attributes_named(rules, target, holders)) {
    std::vector<std::string> types = rules.types_of(name);
    if (std::ranges::includes(holders.types, types)) candidates.emplace_back(name, types);
  }
  while (true) {
    // An attribute that adds one type says no more than the type.
    size_t most = 1;
    const std::pair<std::string, std::vector<std::string>>* best = nullptr;
    for (const auto& candidate : candidates) {
      const auto added = static_cast<size_t>(std::ranges::count_if(
          candidate.second, [&](const std::string& type) { return rest.contains(type); }));
      if (added > most) most = added, best = &candidate;
    }
    if (!best) break;
    holders.attributes.push_back({best->first, best->second.size()});
    for (const std::string& type : best->second) rest.erase(type);
  }
  holders.others.assign(rest.begin(), rest.end());
}

}  // namespace

std::vector<AccessHolders> find_access_holders(const PolicyRules& rules, std::string_view type,
                                               FileType file_type) {
  std::vector<AccessHolders> all;
  for (const Action& action : actions_on(file_type)) {
    AccessHolders holders{action.name, class_of(file_type), action.permissions, {}, {}, {}};
    if (!has_all(rules, holders.object_class, holders.permissions)) continue;
    holders.types = rules.who_may(type, holders.object_class, holders.permissions);
    summarize(rules, type, holders);
    all.push_back(std::move(holders));
  }
  return all;
}

std::vector<DomainWay> find_domain_ways(const PolicyRules& rules, const std::string& exec_type) {
  std::vector<DomainWay> ways;
  for (DomainEntry& entry : rules.domains_entered_by(exec_type)) {
    std::set<std::string> allows;
    auto add = [&](const std::string& source, const std::string& target, const char* object_class,
                   std::initializer_list<const char*> permissions) {
      for (const char* permission : permissions) {
        for (const Rule* rule : rules.rules_for(source, target, object_class, permission)) {
          if (rules.is_active(*rule)) allows.insert(rules.text(*rule));
        }
      }
    };
    add(entry.domain, exec_type, "file", {"entrypoint"});
    if (!entry.source.empty()) {
      add(entry.source, exec_type, "file", {"execute", "getattr", "open", "read"});
      add(entry.source, entry.domain, "process", {"transition"});
    }
    ways.push_back({std::move(entry), {allows.begin(), allows.end()}});
  }
  return ways;
}

}  // namespace policy
