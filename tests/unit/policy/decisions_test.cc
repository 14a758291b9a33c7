// SPDX-License-Identifier: Apache-2.0
#include "policy/decisions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/policy/web_policy.h"

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kInit = "system_u:sys_r:init_t:s0", kWeb = "system_u:sys_r:web_t:s0",
                  kLog = "system_u:object_r:log_t:s0";

std::vector<Decisions> ask(const std::vector<AccessQuery>& queries) {
  static const std::string image = tests::compile_small_policy(tests::web_policy_cil(), 33).binary;
  return decide(image, "web", queries);
}

TEST(Decisions, SayWhatStandsAgainstAPermission) {
  std::vector<Decisions> all =
      ask({{kInit, kWeb, "process", {"transition", "fork"}},
           {kWeb, kLog, "file", {"write", "open", "read"}},
           {kWeb, "system_u:object_r:log_t:s1", "file", {"write", "open"}}});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(all[0].by_permission.at(0).allowed());
  EXPECT_TRUE(all[0].by_permission.at(1).no_rule);
  EXPECT_TRUE(all[1].by_permission.at(0).allowed());
  EXPECT_TRUE(all[1].by_permission.at(1).allowed());
  EXPECT_TRUE(all[1].by_permission.at(2).no_rule);
  EXPECT_FALSE(all[1].by_permission.at(2).constrained);
  const Decision& write = all[2].by_permission.at(0);
  EXPECT_FALSE(write.no_rule);
  EXPECT_TRUE(write.constrained);
  EXPECT_THAT(write.constraints,
              ElementsAre("mlsconstrain file { read write } ((l1 dom l2 -Fail-) )"));
  EXPECT_TRUE(all[2].by_permission.at(1).allowed());
}

TEST(Decisions, NameWhatThePolicyDoesNotKnow) {
  std::vector<Decisions> all = ask({{"a:b:c:s0", kWeb, "file", {"read"}},
                                    {kWeb, "system_u:object_r:gone_t:s0", "file", {"read"}},
                                    {kWeb, kLog, "socket", {"read"}},
                                    {kWeb, kLog, "file", {"read", "fly"}}});
  EXPECT_EQ(all[0].unknown, "unknown context 'a:b:c:s0'");
  EXPECT_EQ(all[1].unknown, "unknown context 'system_u:object_r:gone_t:s0'");
  EXPECT_EQ(all[2].unknown, "unknown class 'socket'");
  EXPECT_EQ(all[3].unknown, "unknown permission of class 'file' 'fly'");
  EXPECT_THAT(all[3].by_permission, IsEmpty());
}

TEST(Decisions, RefuseWhatIsNoPolicy) {
  EXPECT_EQ(tests::error_of([] { decide("no policy", "p", {}); }).substr(0, 24),
            "cannot read policy 'p': ");
}

}  // namespace
}  // namespace policy
