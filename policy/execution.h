// SPDX-License-Identifier: Apache-2.0
//
// Which domain a program runs in, as Linux decides at execve() (security/selinux/hooks.c,
// selinux_bprm_creds_for_exec and check_nnp_nosuid of 6.1), from the rules of type enforcement.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/rules.h"

namespace policy {

struct ExecutionQuery {
  std::string source;     // the domain that executes the file
  std::string exec_type;  // of the file; of a script, the script's own
  std::string asked;      // the domain asked for before (setexeccon), or empty
  bool no_new_privileges = false;
};

struct Execution {
  std::string domain;     // that the program runs in
  std::string held_from;  // the domain that no_new_privs keeps it from; empty if none
  /// What no active rule gives. Where `held_from` is set, the first one is what would let it go there;
  /// anything else keeps the program from being started.
  std::vector<MissingAccess> missing;
  /// Whether it is started at all.
  bool starts() const { return missing.size() == (held_from.empty() ? 0 : 1); }
};

/// Throws Error `unknown type 'x'` for a name that the policy does not have.
Execution find_execution(const PolicyRules& rules, const ExecutionQuery& query);

/// The domain of the first process once it is systemd, whose executable has `exec_type`. It loads the
/// policy, which makes it of the initial SID `kernel`, and goes where that SID's domain would come to
/// by executing that file, if `process dyntransition` lets it (systemd's core/selinux-setup.c).
std::string find_init_domain(const PolicyRules& rules, std::string_view exec_type);

}  // namespace policy
