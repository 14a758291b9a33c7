// SPDX-License-Identifier: Apache-2.0
//
// A binary kernel policy, loaded to be asked.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

struct SelinuxUser {
  std::string name;
  std::vector<std::string> roles;
  std::string level, range;     // of an MLS policy, else empty
  std::string prefix = "user";  // of its home directory's rules; not in the binary form
};

class PolicyDb {
 public:
  /// Reads what a `policy.N` holds; `name` is for messages. The bytes may be hostile: they are
  /// first read in a child process.
  static PolicyDb from_image(std::string_view bytes, std::string_view name);
  PolicyDb(PolicyDb&&) noexcept;
  PolicyDb& operator=(PolicyDb&&) noexcept;
  ~PolicyDb();

  uint32_t version() const { return version_; }
  bool mls() const;
  /// Whether `user:role:type`, or `user:role:type:range` under MLS, is valid in this policy.
  /// Thread-safe.
  bool accepts(std::string_view context) const;
  /// Sorted by name.
  const std::vector<SelinuxUser>& users() const;
  const SelinuxUser* find_user(std::string_view name) const;
  /// Whether `inner` is a range of the policy and lies within `outer`. Thread-safe.
  bool range_contains(const std::string& outer, const std::string& inner) const;
  /// File systems that keep labels in xattrs (`fs_use_xattr`), sorted. Reads the whole policy
  /// (0.2 s for a large one).
  std::vector<std::string> xattr_filesystems() const;

  /// The type of the context that `fs_use_xattr` gives this file system; no value if the policy has
  /// no such statement for it.
  std::optional<std::string> find_xattr_filesystem_type(std::string_view filesystem) const;
  /// The types that have an attribute, sorted; no value if the policy has no attribute of this name
  /// (a compiler leaves out those that nothing needs, and versions before 24 have none).
  std::optional<std::vector<std::string>> find_types_of(std::string_view attribute) const;
  /// The types that may do this to things of `target`, sorted: `allow T target object_class
  /// permission`, by themselves or an attribute. Rules under a boolean do not count.
  std::vector<std::string> types_that_may(std::string_view object_class,
                                          std::string_view permission,
                                          std::string_view target) const;

 private:
  struct State;
  PolicyDb(std::unique_ptr<State> state, uint32_t version);
  std::unique_ptr<State> state_;
  uint32_t version_;
};

/// A policy as CIL, a statement a line, sorted as libsepol prints it. Works in a child process.
std::string kernel_policy_to_cil(std::string_view image, std::string_view name);

/// With what the CIL does not say. Other tools tell it.
struct KernelPolicyText {
  std::string cil;
  /// A line each: the types and attributes by their values in the policy, then the aliases in the
  /// order of libsepol's table.
  std::string type_order;
  /// A line each: the types that the policy gives object_r. In CIL it has all, as it has for the
  /// kernel.
  std::string object_types;
};
KernelPolicyText kernel_policy_text(std::string_view image, std::string_view name);

/// The version in the header of a binary policy. Throws Error if it is none, or none that this
/// libsepol reads.
uint32_t parse_policy_version(std::string_view image, std::string_view name);

}  // namespace policy
