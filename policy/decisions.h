// SPDX-License-Identifier: Apache-2.0
//
// Accesses decided as the kernel decides them, constraints included, and why they are denied.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

struct AccessQuery {
  std::string source, target;  // contexts
  std::string object_class;
  std::vector<std::string> permissions;
};

/// What stands against one permission: several things may.
struct Decision {
  bool no_rule = false;                  // no allow rule that is active
  bool constrained = false;              // a constraint (`constrain`, `mlsconstrain`) forbids it
  bool role_denied = false;              // a change of role without `roleallow`
  bool out_of_bounds = false;            // the type that bounds the source may not do it
  std::vector<std::string> constraints;  // that forbid it, each with `-Fail-` where it fails

  bool allowed() const { return !no_rule && !constrained && !role_denied && !out_of_bounds; }
};

struct Decisions {
  /// What of the query the policy does not know, as `unknown class 'x'`; then nothing is decided.
  std::string unknown;
  std::vector<Decision> by_permission;  // in the order of the query's
};

/// An answer for each query, the booleans being as the policy has them. Works in a child process,
/// since libsepol keeps the policy to be asked in a global. Throws `cannot read policy '<name>': …`.
std::vector<Decisions> decide(std::string_view policy_image, std::string_view name,
                              const std::vector<AccessQuery>& queries);

}  // namespace policy
