// SPDX-License-Identifier: Apache-2.0
//
// A compiled policy that can be asked: who may do what, and which domain a program runs in.
// Answers are those of the kernel's access vector table: constraints, which compare whole contexts,
// are not judged. Attributes stand for their types everywhere; where a name may be either, members
// are what counts.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "policy/policy_tables.h"

namespace policy {

/// Permissions that no rule gives.
struct MissingAccess {
  std::string source, target, object_class;
  std::vector<std::string> permissions;  // sorted
  /// Of a rule that would give some of them were its booleans set so; empty if there is none.
  std::string condition;
};
/// `allow S T:class { a b };`
std::string to_string(const MissingAccess& access);

/// A way into a domain by executing a file.
struct DomainEntry {
  std::string source;     // the domain that executes it; empty: no type_transition leads here, the
                          // caller must ask for the domain (setexeccon)
  std::string domain;     // the domain entered
  bool active = true;     // the type_transition holds as the booleans stand
  std::string condition;  // of the type_transition, as `a && b`; empty if it has none
  /// Of: source file { execute getattr open read }, domain file entrypoint, source domain process
  /// transition.
  std::vector<MissingAccess> missing;
};

/// Read-only after construction; any number of threads may ask. A name that the policy does not
/// have throws Error `unknown type 'x'` (or class, permission).
class PolicyRules {
 public:
  /// Of a binary policy, which is read in a child process; `name` is for messages.
  static PolicyRules from_image(std::string_view bytes, std::string_view name);
  /// Of what kernel_policy_to_cil (policy/policydb.h) gave.
  static PolicyRules from_cil(std::string_view cil, std::string_view name);

  const PolicyTables& tables() const { return *tables_; }
  /// Indices into the tables, and a mask of a class's permissions.
  TypeId type_id(std::string_view name) const;
  ClassId class_id(std::string_view name) const;
  uint32_t permission_mask(ClassId object_class, const std::vector<std::string>& names) const;

  /// Names, sorted; no aliases.
  std::vector<std::string> types() const;
  std::vector<std::string> attributes() const;
  bool is_type(std::string_view name) const;  // or an alias of one
  bool is_attribute(std::string_view name) const;
  /// Sorted.
  std::vector<std::string> attributes_of(std::string_view type) const;
  std::vector<std::string> types_of(std::string_view attribute) const;

  /// Whether some `allow` gives it, the booleans being as the policy has them.
  bool allows(std::string_view source, std::string_view target, std::string_view object_class,
              std::string_view permission) const;
  /// Every rule of `kind` that gives it, those under booleans that stand otherwise included.
  std::vector<const Rule*> rules_for(std::string_view source, std::string_view target,
                                     std::string_view object_class, std::string_view permission,
                                     RuleKind kind = RuleKind::kAllow) const;
  /// Whether the rule holds as the booleans stand.
  bool is_active(const Rule& rule) const;
  /// The booleans that the rule depends on, sorted; none: it always holds.
  std::vector<std::string> booleans_of(const Rule& rule) const;
  /// The fewest booleans to set otherwise for the rule to hold, with their new values, sorted by
  /// name. Empty if it holds, if nothing makes it hold, or if it depends on more than 12.
  std::vector<std::pair<std::string, bool>> settings_for(const Rule& rule) const;
  /// As sesearch prints it: `allow a b:file { open read };`, the condition after it.
  std::string text(const Rule& rule) const;

  /// The type of what `source` makes on `target`: by default, of the process that executes a file
  /// of that type. Of active type_transitions without a file name; nothing if there is none.
  std::optional<std::string> transition(std::string_view source, std::string_view target,
                                        std::string_view object_class = "process") const;
  /// What of it no active rule gives, with a condition under which one would; nothing if all is
  /// allowed.
  std::optional<MissingAccess> missing(std::string_view source, std::string_view target,
                                       std::string_view object_class,
                                       const std::vector<std::string>& permissions) const;
  /// Sorted by domain, then source.
  std::vector<DomainEntry> domains_entered_by(std::string_view exec_type) const;
  /// The types that may do all of it, sorted; active rules only.
  std::vector<std::string> who_may(std::string_view target, std::string_view object_class,
                                   const std::vector<std::string>& permissions) const;

 private:
  explicit PolicyRules(std::unique_ptr<const PolicyTables> tables);
  std::vector<TypeId> with_attributes(TypeId type) const;
  template <class Visit>
  void for_each_rule(TypeId source, TypeId target, ClassId object_class, Visit visit) const;
  std::optional<MissingAccess> missing(TypeId source, TypeId target, std::string_view object_class,
                                       const std::vector<std::string>& permissions) const;

  std::unique_ptr<const PolicyTables> tables_;
  std::vector<bool> condition_holds_;  // an entry for each condition
};

}  // namespace policy
