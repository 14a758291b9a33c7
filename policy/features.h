// SPDX-License-Identifier: Apache-2.0
//
// What a policy uses that not every kernel can hold. libsepol leaves most of it out of an older
// version without a word (libsepol/src/write.c), so that a policy would load and mean less.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/kernel_version.h"

namespace policy {

/// One thing that the target cannot hold.
struct Loss {
  std::string message;    // `policy version 30 cannot hold …: found 2, the first '(…)'`
  bool droppable = true;  // false: libsepol cannot write the policy at all
};

/// A kernel policy, inspected. `cil` is what sepol_kernel_policydb_to_cil prints of it: a statement
/// a line, those of a conditional indented.
class PolicyFeatures {
 public:
  explicit PolicyFeatures(std::string_view cil);

  bool mls() const { return mls_; }
  /// File systems that keep labels in xattrs (`fsuse xattr`), sorted.
  const std::vector<std::string>& xattr_filesystems() const { return xattr_filesystems_; }

  /// What is lost in a policy of this version, oldest needed version last.
  std::vector<Loss> losses_at(uint32_t version) const;
  /// What this kernel cannot hold, whatever the policy's version.
  std::vector<Loss> losses_on(const KernelVersion& kernel) const;
  /// A warning for each policy capability that this kernel does not know, and so ignores.
  std::vector<std::string> unknown_capabilities(const KernelVersion& kernel) const;

 private:
  struct Found {
    uint64_t count = 0;
    std::string first;
  };

  bool mls_ = false;
  std::vector<std::string> xattr_filesystems_, capabilities_;
  std::vector<Found> found_;  // an entry for each row of the table in features.cc
  Found netlink_xperms_;
};

}  // namespace policy
