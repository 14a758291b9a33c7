// SPDX-License-Identifier: Apache-2.0
//
// A binary kernel policy, loaded to be asked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

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
  /// File systems that keep labels in xattrs (`fs_use_xattr`), sorted. Reads the whole policy
  /// (0.2 s for a large one).
  std::vector<std::string> xattr_filesystems() const;

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
