// SPDX-License-Identifier: Apache-2.0
#include "policy/kernel_version.h"

#include <fmt/format.h>
#include <sepol/policydb.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "imagefmt/base/error.h"

namespace policy {

using imagefmt::Error;

namespace {

struct VersionStep {
  KernelVersion kernel;  // the first release that reads
  uint32_t version;      // this one
};

// POLICYDB_VERSION_MAX of security/selinux/include/security.h at each Linux release. The steps of
// one release (2.6.39: 25 and 26; 3.5: 27 and 28) are given by the last.
constexpr VersionStep kSteps[] = {
    {{2, 6, 0}, 15},   // as merged
    {{2, 6, 5}, 16},   // conditional policy
    {{2, 6, 6}, 17},   // IPv6 nodes
    {{2, 6, 8}, 18},   // netlink classes
    {{2, 6, 12}, 19},  // MLS, validatetrans
    {{2, 6, 14}, 20},  // compact access vector table
    {{2, 6, 19}, 21},  // range transitions with a class
    {{2, 6, 25}, 22},  // policy capabilities
    {{2, 6, 26}, 23},  // permissive types
    {{2, 6, 28}, 24},  // bounds
    {{2, 6, 39}, 26},  // file name transitions; role transitions with a class
    {{3, 5, 0}, 28},   // default_user, _role, _range; default_type
    {{3, 14, 0}, 29},  // names in constraints
    {{4, 3, 0}, 30},   // extended permissions
    {{4, 13, 0}, 31},  // InfiniBand
    {{5, 5, 0}, 32},   // default_range glblub
    {{5, 8, 0}, 33},   // compressed file name transitions
    {{6, 14, 0}, 34},  // extended permissions in conditionals
    {{6, 17, 0}, 35},  // neveraudit types
};

}  // namespace

KernelVersion parse_kernel_version(std::string_view text) {
  auto refuse = [&](std::string_view reason) {
    throw Error(fmt::format("cannot read kernel version '{}': {}", text, reason));
  };
  unsigned numbers[3] = {};
  const char* next = text.data();
  const char* end = next + text.size();
  size_t count = 0;
  for (; count < 3; ++count) {
    if (count && (next == end || *next != '.')) break;
    auto [after, failure] = std::from_chars(next + (count ? 1 : 0), end, numbers[count]);
    if (failure != std::errc()) break;
    next = after;
  }
  // What follows the numbers names a release candidate or a flavour, and begins with '-', '+', '_',
  // '.'.
  bool ends_well =
      next == end || *next == '-' || *next == '+' || *next == '_' || (*next == '.' && count == 3);
  if (count < 2 || !ends_well) refuse("expected a form like '6.1.0' or '6.18-rc3'");
  KernelVersion version{numbers[0], numbers[1], numbers[2]};
  if (version < kSteps[0].kernel) refuse("SELinux came with Linux 2.6.0");
  return version;
}

std::string to_string(const KernelVersion& version) {
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

uint32_t policy_version_for(const KernelVersion& kernel) {
  uint32_t version = kSteps[0].version;
  for (const VersionStep& step : kSteps) {
    if (step.kernel <= kernel) version = step.version;
  }
  return std::min(version, newest_policy_version());
}

void check_kernel_reads(const KernelVersion& kernel, uint32_t version) {
  const uint32_t newest = policy_version_for(kernel);
  if (version <= newest) return;
  throw Error(fmt::format("cannot use policy version {}: Linux {} reads versions up to {}", version,
                          to_string(kernel), newest));
}

uint32_t oldest_policy_version() {
  return static_cast<uint32_t>(sepol_policy_kern_vers_min());
}
uint32_t newest_policy_version() {
  return static_cast<uint32_t>(sepol_policy_kern_vers_max());
}

}  // namespace policy
