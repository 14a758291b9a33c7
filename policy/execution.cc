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

/// What keeps a process with no_new_privs in its domain; nothing if it may leave.
std::optional<MissingAccess> missing_for_no_new_privileges(const PolicyRules& rules,
                                                           const std::string& source,
                                                           const std::string& domain) {
  const PolicyTables& tables = rules.tables();
  if (is_bounded_by(tables, rules.type_id(domain), rules.type_id(source))) return std::nullopt;
  const bool is_asked = std::ranges::find(tables.capabilities, "nnp_nosuid_transition") !=
                            tables.capabilities.end() &&
                        tables.class_ids.contains("process2");
  if (is_asked) return rules.missing(source, domain, "process2", {"nnp_transition"});
  return MissingAccess{source, domain, "process2", {"nnp_transition"}, {}};
}

}  // namespace

Execution find_execution(const PolicyRules& rules, const ExecutionQuery& query) {
  const std::string &source = query.source, &file = query.exec_type;
  Execution execution;
  auto require = [&](const std::string& from, const std::string& to, const char* object_class,
                     const std::vector<std::string>& permissions) {
    std::optional<MissingAccess> access = rules.missing(from, to, object_class, permissions);
    if (access) execution.missing.push_back(*std::move(access));
  };
  std::string domain =
      query.asked.empty() ? rules.transition(source, file).value_or(source) : query.asked;
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
  const std::optional<std::string> domain = rules.transition(source, exec_type);
  return domain && rules.allows(source, *domain, "process", "dyntransition") ? *domain : source;
}

}  // namespace policy
