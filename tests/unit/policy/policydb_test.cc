// SPDX-License-Identifier: Apache-2.0
#include "policy/policydb.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

#include "imagefmt/base/parallel.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"

namespace policy {
namespace {

using tests::error_of;

TEST(PolicyDb, JudgesContexts) {
  PolicyDb mls = PolicyDb::from_image(compile_sample("").binary, "policy");
  EXPECT_TRUE(mls.accepts("system_u:object_r:file_t:s0"));
  EXPECT_TRUE(mls.accepts("system_u:system_r:kernel_t:s0-s0:c0"));
  for (const char* context :
       {"", "system_u", "system_u:object_r:file_t", "system_u:object_r:nosuch_t:s0",
        "nosuch_u:object_r:file_t:s0", "system_u:nosuch_r:file_t:s0", "system_u:object_r:file_t:s1",
        "system_u:object_r:file_t:s0:c1", "system_u:system_r:a_t:s0", ":::", "<<none>>",
        "system_u:object_r:file_t:s0 ", "system_u:object_r:file_t:s0:c0-s0"}) {
    EXPECT_FALSE(mls.accepts(context)) << context;
  }
  EXPECT_FALSE(mls.accepts(std::string_view("system_u:object_r:file_t:s0\0", 28)));

  PolicyDb plain = PolicyDb::from_image(compile_sample("", {}, false).binary, "policy");
  EXPECT_TRUE(plain.accepts("system_u:object_r:file_t"));
  EXPECT_FALSE(plain.accepts("system_u:object_r:file_t:s0"));
}

TEST(PolicyDb, MayBeAskedByManyThreads) {
  PolicyDb policydb = PolicyDb::from_image(compile_sample("").binary, "policy");
  std::vector<char> answers(1000);
  imagefmt::parallel_for(4, answers.size(), [&](size_t i) {
    answers[i] = policydb.accepts(i % 2 ? "system_u:object_r:file_t:s0" : "a:b:c:d");
  });
  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i], i % 2);
}

TEST(PolicyDb, RefusesWhatIsNoPolicy) {
  std::string policy = compile_sample("").binary;
  auto error = [](std::string bytes) {
    return error_of([&] { PolicyDb::from_image(bytes, "policy.33"); });
  };
  EXPECT_EQ(error(""),
            "cannot read policy 'policy.33': the header ends at offset 0, expected 4 more bytes");
  EXPECT_EQ(error("(type a_t)\n"),
            "cannot read policy 'policy.33': not a binary policy: expected magic 0xf97cff8c, found "
            "0x70797428");
  std::string foreign = policy;
  foreign.replace(8, 8, "XenFlask");
  EXPECT_EQ(error(foreign),
            "cannot read policy 'policy.33': not a policy for a Linux kernel: expected 'SE Linux' "
            "in the header");
  for (int version : {14, 99}) {
    std::string other = policy;
    other[16] = static_cast<char>(version);
    EXPECT_EQ(error(other),
              fmt::format("cannot read policy 'policy.33': policy version {}: this libsepol reads "
                          "versions {} to {}",
                          version, oldest_policy_version(), newest_policy_version()));
  }
}

TEST(PolicyDb, SurvivesDamage) {
  std::string policy = compile_sample("(typebounds kernel_t a_t) (boolean b true)").binary;
  for (size_t size = 20; size < policy.size(); size += policy.size() / 40) {
    std::string error = error_of([&] { PolicyDb::from_image(policy.substr(0, size), "p"); });
    EXPECT_TRUE(error.starts_with("cannot read policy 'p': ")) << size << ": " << error;
  }
  std::mt19937 random(1);
  for (int round = 0; round < 100; ++round) {
    std::string damaged = policy;
    for (int flips = 0; flips < 4; ++flips) {
      damaged[20 + random() % (damaged.size() - 20)] ^= static_cast<char>(1u << (random() % 8));
    }
    std::string error = error_of([&] { PolicyDb::from_image(damaged, "p"); });
    if (error != "(no error)") {
      EXPECT_TRUE(error.starts_with("cannot read policy 'p': ")) << error;
    }
  }
}

}  // namespace
}  // namespace policy
