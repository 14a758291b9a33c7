// SPDX-License-Identifier: Apache-2.0
#include "policy/kernel_version.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using tests::error_of;

TEST(KernelVersion, ReadsWhatUnameSays) {
  EXPECT_EQ(parse_kernel_version("6.1.0-44-amd64"), (KernelVersion{6, 1, 0}));
  EXPECT_EQ(parse_kernel_version("6.18-rc3"), (KernelVersion{6, 18, 0}));
  EXPECT_EQ(parse_kernel_version("5.10"), (KernelVersion{5, 10, 0}));
  EXPECT_EQ(parse_kernel_version("2.6.32.71"), (KernelVersion{2, 6, 32}));
  EXPECT_EQ(parse_kernel_version("5.15.148-tegra"), (KernelVersion{5, 15, 148}));
  EXPECT_EQ(parse_kernel_version("6.6.30+"), (KernelVersion{6, 6, 30}));
  EXPECT_EQ(to_string({6, 1, 0}), "6.1.0");
  EXPECT_LT((KernelVersion{5, 9, 99}), (KernelVersion{5, 10, 0}));
}

TEST(KernelVersion, RefusesWhatIsNone) {
  for (const char* text : {"", "6", "six.one", "6.", "6.1rc1", "6..1", "-6.1", "6.99999999999",
                           " 6.1", "6.1.x", "6.1.2x"}) {
    EXPECT_EQ(error_of([&] { parse_kernel_version(text); }),
              std::string("cannot read kernel version '") + text +
                  "': expected a form like '6.1.0' or '6.18-rc3'");
  }
  EXPECT_EQ(error_of([] { parse_kernel_version("2.4.37"); }),
            "cannot read kernel version '2.4.37': SELinux came with Linux 2.6.0");
}

TEST(KernelVersion, KnowsThePolicyVersionOfEachKernel) {
  const std::pair<const char*, uint32_t> expected[] = {
      {"2.6.0", 15},   {"2.6.4", 15},  {"2.6.5", 16},  {"2.6.6", 17},    {"2.6.8", 18},
      {"2.6.12", 19},  {"2.6.14", 20}, {"2.6.18", 20}, {"2.6.19", 21},   {"2.6.25", 22},
      {"2.6.26", 23},  {"2.6.28", 24}, {"2.6.32", 24}, {"2.6.39", 26},   {"3.0", 26},
      {"3.4.113", 26}, {"3.5", 28},    {"3.10", 28},   {"3.14", 29},     {"4.2", 29},
      {"4.3", 30},     {"4.9", 30},    {"4.12", 30},   {"4.13", 31},     {"4.19.300", 31},
      {"5.4", 31},     {"5.5", 32},    {"5.7", 32},    {"5.8", 33},      {"5.10", 33},
      {"6.1.0", 33},   {"6.12", 33},   {"6.13", 33},   {"6.14-rc1", 34}, {"6.16", 34},
      {"6.17", 35},    {"6.18", 35},   {"7.0", 35},
  };
  for (const auto& [kernel, version] : expected) {
    EXPECT_EQ(policy_version_for(parse_kernel_version(kernel)),
              std::min(version, newest_policy_version()))
        << kernel;
  }
}

}  // namespace
}  // namespace policy
