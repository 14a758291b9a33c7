// SPDX-License-Identifier: Apache-2.0
//
// What a kernel policy holds, as plain data: the symbols, the rules among them, and the labelling
// statements. Names are as the policy has them; types, classes and booleans are indices, since
// there are a hundred thousand rules.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace policy {

using TypeId = uint32_t;   // a type or an attribute: an index into PolicyTables::types
using ClassId = uint16_t;  // an index into PolicyTables::classes

struct TypeSymbol {
  std::string name;
  bool attribute = false, permissive = false;
  std::optional<TypeId> bounded_by;
  std::vector<std::string> aliases;
  std::vector<TypeId> related;  // of an attribute its types, of a type its attributes
};

struct ObjectClass {
  std::string name;
  std::string common;                    // inherited, or empty
  size_t inherited = 0;                  // how many of the permissions are the common's
  std::vector<std::string> permissions;  // the common's first; bit i of a mask is the i-th
};

struct Common {
  std::string name;
  std::vector<std::string> permissions;
};

struct Boolean {
  std::string name;
  bool state = false;  // as the policy has it
};

/// Of a condition in postfix order.
struct ConditionToken {
  enum class Op : uint8_t { kBoolean, kNot, kAnd, kOr, kXor, kEqual, kUnequal };
  Op op = Op::kBoolean;
  uint32_t boolean = 0;  // an index into PolicyTables::booleans, for kBoolean
};
using Condition = std::vector<ConditionToken>;

enum class RuleKind : uint8_t {
  kAllow,
  kAuditAllow,
  kDontAudit,
  kNeverAllow,
  kAllowXperm,
  kAuditAllowXperm,
  kDontAuditXperm,
  kNeverAllowXperm,
  kTypeTransition,
  kTypeChange,
  kTypeMember,
};

/// A rule of type enforcement.
struct Rule {
  static constexpr uint32_t kNone = UINT32_MAX;

  TypeId source = 0, target = 0;
  uint32_t value = 0;          // a permission mask; of an xperm rule an index into
                               // PolicyTables::xperms; of a type_* rule the new TypeId
  uint32_t file_name = kNone;  // of a type_transition: an index into PolicyTables::file_names
  uint32_t condition = kNone;  // an index into PolicyTables::conditions
  ClassId object_class = 0;
  RuleKind kind = RuleKind::kAllow;
  bool branch = true;  // it holds if the condition is this
};

using NumberRun = std::pair<uint32_t, uint32_t>;  // first and last

struct ExtendedPermissions {
  std::string what;             // `ioctl` or `nlmsg`
  std::vector<NumberRun> runs;  // ascending, apart
};

struct Level {
  uint32_t sensitivity = 0;           // an index into PolicyTables::sensitivities
  std::vector<NumberRun> categories;  // indices into PolicyTables::categories; ascending, apart
  bool operator==(const Level&) const = default;
};
struct LevelRange {
  Level low, high;
  bool operator==(const LevelRange&) const = default;
};
struct MlsSymbol {
  std::string name;
  std::vector<std::string> aliases;
};

struct SecurityContext {
  std::string user, role, type;
  LevelRange range;  // under MLS
};

struct Role {
  std::string name;
  std::vector<TypeId> types;
};
struct User {
  std::string name;
  std::vector<std::string> roles;  // without object_r, which every user has
  Level level;                     // under MLS, as is the range
  LevelRange range;
};
struct RoleAllow {
  uint32_t source = 0, target = 0;  // indices into PolicyTables::roles
};
struct RoleTransition {
  uint32_t source = 0;
  TypeId target = 0;
  ClassId object_class = 0;
  uint32_t new_role = 0;
};
struct RangeTransition {
  TypeId source = 0, target = 0;
  ClassId object_class = 0;
  LevelRange range;
};

/// Of a constraint's expression in postfix order: `and`, `or`, `not`; or a comparison (`eq`, `neq`,
/// `dom`, `domby`, `incomp`) of `left` (`u1`, `t2`, `l1` …) with `right` or with `names`.
struct ConstraintToken {
  std::string op, left, right;
  std::vector<std::string> names;
};
struct Constraint {
  ClassId object_class = 0;
  uint32_t permissions = 0;  // 0: it judges a change of label (validatetrans)
  bool mls = false;          // it speaks of levels
  std::vector<ConstraintToken> expression;
};

struct DefaultRule {
  std::string what;  // `default_user`, `default_role`, `default_type`, `default_range`
  ClassId object_class = 0;
  std::string value;  // `source`, `target`, `glblub`
  std::string range;  // `low`, `high`, `low_high`, or empty
};

struct InitialSid {
  std::string name;
  SecurityContext context;
};
struct FsUse {
  std::string behavior;  // `xattr`, `task`, `trans`
  std::string filesystem;
  SecurityContext context;
};
struct Genfscon {
  std::string filesystem, path;
  std::string file_type;  // as CIL names it: `file`, `dir` …; empty for any
  SecurityContext context;
};
struct Portcon {
  std::string protocol;
  uint32_t low = 0, high = 0;
  SecurityContext context;
};
struct Netifcon {
  std::string name;
  SecurityContext context, packet;
};
struct Nodecon {
  std::string address, mask;
  SecurityContext context;
};
struct Ibpkeycon {
  std::string subnet;
  uint32_t low = 0, high = 0;
  SecurityContext context;
};
struct Ibendportcon {
  std::string device;
  uint32_t port = 0;
  SecurityContext context;
};

struct NameHash {
  using is_transparent = void;
  size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};
/// For look-ups only: its order is nobody's.
using NameIndex = std::unordered_map<std::string, uint32_t, NameHash, std::equal_to<>>;

struct PolicyTables {
  uint32_t version = 0;  // of the binary policy; 0 if there was none
  bool mls = false;
  std::string handle_unknown;  // `allow`, `deny`, `reject`

  std::vector<ObjectClass> classes;
  std::vector<Common> commons;
  std::vector<TypeSymbol> types;
  std::vector<Boolean> booleans;
  std::vector<Role> roles;
  std::vector<User> users;
  std::vector<MlsSymbol> sensitivities, categories;  // in their order
  std::vector<std::string> capabilities;
  NameIndex class_ids, type_ids, boolean_ids, role_ids, sensitivity_ids,
      category_ids;  // aliases are names too

  std::vector<Rule> rules;  // sorted by source, target, class, kind
  std::vector<Condition> conditions;
  std::vector<std::string> file_names;
  std::vector<ExtendedPermissions> xperms;
  std::vector<RoleAllow> role_allows;
  std::vector<RoleTransition> role_transitions;
  std::vector<RangeTransition> range_transitions;
  std::vector<Constraint> constraints;
  std::vector<DefaultRule> defaults;

  std::vector<InitialSid> initial_sids;
  std::vector<FsUse> fs_uses;
  std::vector<Genfscon> genfscons;
  std::vector<Portcon> portcons;
  std::vector<Netifcon> netifcons;
  std::vector<Nodecon> nodecons;
  std::vector<Ibpkeycon> ibpkeycons;
  std::vector<Ibendportcon> ibendportcons;
};

/// Parses what kernel_policy_to_cil (policy/policydb.h) gives: flat CIL, symbols before their uses.
/// Throws `line N: …`.
PolicyTables parse_kernel_cil(std::string_view cil);

/// Puts what each type is related to and its aliases in the order of these names, a line each
/// (KernelPolicyText::type_order); names that it lacks come last.
void order_types(PolicyTables& tables, std::string_view names);
/// Sets the types of object_r, a line each (KernelPolicyText::object_types).
void set_object_types(PolicyTables& tables, std::string_view names);

}  // namespace policy
