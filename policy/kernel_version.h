// SPDX-License-Identifier: Apache-2.0
//
// Which binary policy version a Linux kernel reads.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace policy {

struct KernelVersion {
  unsigned major = 0, minor = 0, patch = 0;
  auto operator<=>(const KernelVersion&) const = default;
};

/// `6.1.0-44-amd64`, `6.18-rc3`, `5.10`, `2.6.32.71`: two or three numbers, then anything that does
/// not begin with a digit or letter. Throws Error on anything else, and on a kernel before 2.6.0.
KernelVersion parse_kernel_version(std::string_view text);

/// `6.1.0`
std::string to_string(const KernelVersion& version);

/// The newest policy version that this kernel reads (it reads all older ones too), or the newest
/// that libsepol writes if that is older.
uint32_t policy_version_for(const KernelVersion& kernel);

/// Throws `cannot use policy version 33: Linux 5.4.0 reads versions up to 31`.
void check_kernel_reads(const KernelVersion& kernel, uint32_t version);

/// The range of versions that libsepol writes. Versions outside are refused by compile().
uint32_t oldest_policy_version();
uint32_t newest_policy_version();

}  // namespace policy
