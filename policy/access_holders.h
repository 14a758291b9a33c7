// SPDX-License-Identifier: Apache-2.0
//
// Who may do what with files of a type: the answers of PolicyRules, in a form to be read.
#pragma once

#include <string>
#include <vector>

#include "policy/contexts.h"
#include "policy/rules.h"

namespace policy {

struct AccessHolders {
  std::string action;                    // `read`, `write`, `execute`; of directories, `search` too
  std::string object_class;              // `file`, `dir` …
  std::vector<std::string> permissions;  // all that the action takes
  std::vector<std::string> types;        // that have them, sorted
  /// The same in fewer words: attributes that rules name and all of whose types are among them,
  /// those first that say the most, and the types that none of these has.
  struct Attribute {
    std::string name;
    size_t types = 0;
  };
  std::vector<Attribute> attributes;
  std::vector<std::string> others;
};

/// For each action on files of `file_type` whose label's type is `type`; none of a class or
/// permission that the policy does not have. Active rules only, as PolicyRules::who_may.
std::vector<AccessHolders> find_access_holders(const PolicyRules& rules, std::string_view type,
                                               FileType file_type);

/// A way into a domain, with the rules that it stands on.
struct DomainWay {
  DomainEntry entry;
  std::vector<std::string> allows;  // active allow rules for it, as sesearch prints them, sorted
};
/// PolicyRules::domains_entered_by, each with its rules.
std::vector<DomainWay> find_domain_ways(const PolicyRules& rules, const std::string& exec_type);

}  // namespace policy
