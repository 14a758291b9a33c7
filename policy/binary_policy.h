// SPDX-License-Identifier: Apache-2.0
//
// A kernel policy as read back from its binary form: the judge of contexts, users and ranges.
#pragma once

#include <cstdint>
#include <memory>
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

/// Read-only after construction; several threads may ask, each through an object of its own.
class BinaryPolicy {
 public:
  /// Throws `cannot read the compiled policy: …`.
  explicit BinaryPolicy(std::string_view binary);
  BinaryPolicy(BinaryPolicy&&) noexcept;
  BinaryPolicy& operator=(BinaryPolicy&&) noexcept;
  ~BinaryPolicy();

  /// The version and the MLS flag of the binary's own header.
  uint32_t version() const { return version_; }
  bool mls() const { return mls_; }
  /// Sorted by name.
  const std::vector<SelinuxUser>& users() const { return users_; }
  const SelinuxUser* find_user(std::string_view name) const;
  /// Whether the kernel would take `context` (`user:role:type[:range]`) as a label.
  bool is_valid(const std::string& context) const;
  /// Whether `inner` is a range of the policy and lies within `outer`.
  bool range_contains(const std::string& outer, const std::string& inner) const;

 private:
  struct Database;
  std::unique_ptr<Database> database_;
  uint32_t version_ = 0;
  bool mls_ = false;
  std::vector<SelinuxUser> users_;
};

}  // namespace policy
