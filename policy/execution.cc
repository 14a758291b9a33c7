// SPDX-License-Identifier: Apache-2.0
#include "policy/execution.h"

#include <algorithm>
#include <utility>

#include "imagefmt/base/error.h"

namespace policy {

namespace {

bool is_bounded_by(const PolicyTables& tables, TypeId type, TypeId bound) {
  // Bounds have no cycle in a policy that a kernel takes; this text may be any.
  for (size_t steps = 0; steps < tables.types.size(); ++steps) {
    const std::optional<TypeId> next = tables.types[type].bounded_by;
    if (!next) return false;
    if (*next == bound) return true;
    type = *next;
  }
  return false;
}

/// What of it the kernel refuses: handle_unknown decides of classes and permissions that the policy
/// does not have.
std::optional<MissingAccess> missing_access(const PolicyRules& rules, const std::string& source,
                                            const std::string& target, const char* object_class,
                                            const std::vector<std::string>& permissions) {
  const PolicyTables& tables = rules.tables();
  std::vector<std::string> known, unknown;
  auto found = tables.class_ids.find(object_class);
  for (const std::string& permission : permissions) {
    const bool is_known =
        found != tables.class_ids.end() &&
        std::ranges::count(tables.classes[found->second].permissions, permission) > 0;
    (is_known ? known : unknown).push_back(permission);
  }
  std::optional<MissingAccess> access;
  if (!known.empty()) access = rules.missing(source, target, object_class, known);
  if (unknown.empty() || tables.handle_unknown == "allow") return access;
  if (!access) access = MissingAccess{source, target, object_class, {}, {}};
  access->permissions.insert(access->permissions.end(), unknown.begin(), unknown.end());
  std::ranges::sort(access->permissions);
  return access;
}

std::optional<std::string> find_transition(const PolicyRules& rules, std::string_view source,
                                           std::string_view exec_type) {
  if (!rules.tables().class_ids.contains("process")) return std::nullopt;
  return rules.transition(source, exec_type);
}

/// What keeps a process with no_new_privs in its domain; nothing if it may leave.
std::optional<MissingAccess> missing_for_no_new_privileges(const PolicyRules& rules,
                                                           const std::string& source,
                                                           const std::string& domain) {
  const PolicyTables& tables = rules.tables();
  if (is_bounded_by(tables, rules.type_id(domain), rules.type_id(source))) return std::nullopt;
  if (std::ranges::count(tables.capabilities, "nnp_nosuid_transition") > 0) {
    return missing_access(rules, source, domain, "process2", {"nnp_transition"});
  }
  return MissingAccess{source, domain, "process2", {"nnp_transition"}, {}};
}

}  // namespace

Execution find_execution(const PolicyRules& rules, const ExecutionQuery& query) {
  const std::string &source = query.source, &file = query.exec_type;
  Execution execution;
  auto require = [&](const std::string& from, const std::string& to, const char* object_class,
                     const std::vector<std::string>& permissions) {
    std::optional<MissingAccess> access =
        missing_access(rules, from, to, object_class, permissions);
    if (access) execution.missing.push_back(*std::move(access));
  };
  std::string domain =
      query.asked.empty() ? find_transition(rules, source, file).value_or(source) : query.asked;
  if (query.no_new_privileges && domain != source) {
    std::optional<MissingAccess> access = missing_for_no_new_privileges(rules, source, domain);
    if (access) {
      execution.missing.push_back(*std::move(access));
      // What was asked for is refused; what would come by itself does not come.
      if (query.asked.empty()) execution.held_from = std::exchange(domain, source);
    }
  }
  if (!query.asked.empty()) require(source, source, "process", {"setexec"});
  if (domain == source) {
    require(source, file, "file", {"execute", "execute_no_trans", "getattr", "open", "read"});
  } else {
    require(source, file, "file", {"execute", "getattr", "open", "read"});
    require(domain, file, "file", {"entrypoint"});
    require(source, domain, "process", {"transition"});
  }
  execution.domain = std::move(domain);
  return execution;
}

std::string find_init_domain(const PolicyRules& rules, std::string_view exec_type) {
  const PolicyTables& tables = rules.tables();
  auto kernel = std::ranges::find(tables.initial_sids, "kernel", &InitialSid::name);
  if (kernel == tables.initial_sids.end()) {
    throw imagefmt::Error(
        "cannot tell the first process's domain: the policy has no initial SID 'kernel'");
  }
  const std::string& source = kernel->context.type;
  const std::optional<std::string> domain = find_transition(rules, source, exec_type);
  const bool may_change =
      domain && !missing_access(rules, source, *domain, "process", {"dyntransition"});
  return may_change ? *domain : source;
}

}  // namespace policy
