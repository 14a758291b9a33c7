// SPDX-License-Identifier: Apache-2.0
//
// The components of a policy: what setools' seinfo prints, as it prints it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "policy/rules.h"

namespace policy {

/// In the order in which they are printed.
enum class Component {
  kBooleans,
  kCategories,
  kClasses,
  kCommons,
  kConstraints,
  kDefaults,
  kFsUse,
  kGenfscon,
  kIbendportcon,
  kIbpkeycon,
  kInitialSids,
  kNetifcon,
  kNodecon,
  kPermissiveTypes,
  kCapabilities,
  kPortcon,
  kRoles,
  kSensitivities,
  kTypebounds,
  kTypes,
  kAttributes,
  kUsers,
  kValidatetrans,
};

struct InfoQuery {
  /// What is asked for, each with a name that limits it, or empty: a symbol, a class, a file
  /// system, a device, a network `10.0.0.0/8`, ports `22` or `6000-6020`, pkeys `0x22-0x30`.
  std::map<Component, std::string> components;
  bool all = false;     // the statistics and every component
  bool expand = false;  // each as a whole statement
  bool flat = false;    // no counts, no statistics, no indentation
};

/// Statistics if no component is asked for. `name` is the policy's, for the first line. Throws Error
/// for a limit that makes no sense.
std::string describe_policy(const PolicyRules& rules, std::string_view name,
                            const InfoQuery& query);

}  // namespace policy
