// SPDX-License-Identifier: Apache-2.0
#include "policy/seusers.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/policy/small_policy.h"

namespace policy {
namespace {

using tests::compile_small_policy;
using tests::error_of;
using tests::small_policy_cil;

TEST(PolicyDb, KnowsItsUsersAndContexts) {
  const PolicyDb policy =
      PolicyDb::from_image(compile_small_policy(small_policy_cil(true), 30).binary, "policy");
  EXPECT_EQ(policy.version(), 30u);
  EXPECT_TRUE(policy.mls());
  ASSERT_EQ(policy.users().size(), 3u);
  EXPECT_EQ(policy.users()[0].name, "admin_u");
  ASSERT_TRUE(policy.find_user("guest_u"));
  EXPECT_EQ(policy.find_user("admin_u")->range, "s0-s0:c0.c3");
  EXPECT_EQ(policy.find_user("admin_u")->level, "s0");
  EXPECT_EQ(policy.find_user("nobody_u"), nullptr);

  EXPECT_TRUE(policy.accepts("admin_u:object_r:home_t:s0:c1"));
  EXPECT_FALSE(policy.accepts("guest_u:guest_r:run_t:s0:c1"));
  EXPECT_FALSE(policy.accepts("admin_u:object_r:home_t"));
  EXPECT_FALSE(policy.accepts("admin_u:object_r:other_t:s0"));
  EXPECT_FALSE(policy.accepts("nonsense"));
  EXPECT_FALSE(policy.accepts(""));
  EXPECT_TRUE(policy.range_contains("s0-s0:c0.c3", "s0:c1"));
  EXPECT_FALSE(policy.range_contains("s0", "s0-s0:c1"));
  EXPECT_FALSE(policy.range_contains("s0", "s9"));
}

TEST(PolicyDb, HasNoRangesWithoutMls) {
  const PolicyDb policy =
      PolicyDb::from_image(compile_small_policy(small_policy_cil(false)).binary, "policy");
  EXPECT_FALSE(policy.mls());
  EXPECT_EQ(policy.find_user("admin_u")->range, "");
  EXPECT_TRUE(policy.accepts("admin_u:object_r:home_t"));
  EXPECT_FALSE(policy.accepts("admin_u:object_r:home_t:s0"));
}

TEST(Seusers, AreReadAsLibsepolWritesThem) {
  const tests::SmallPolicy small = compile_small_policy(small_policy_cil(true));
  EXPECT_EQ(small.seusers, "root:admin_u:s0-s0:c0.c3\n__default__:guest_u:s0-s0\n");
  const std::vector<SelinuxLogin> logins = parse_seusers(small.seusers);
  ASSERT_EQ(logins.size(), 2u);
  EXPECT_EQ(logins[0].login, "root");
  EXPECT_EQ(logins[0].user, "admin_u");
  EXPECT_EQ(logins[0].range, "s0-s0:c0.c3");
  EXPECT_EQ(serialize_seusers(logins), small.seusers);
  EXPECT_EQ(serialize_seusers(parse_seusers("# all\n\nroot:admin_u\n%wheel:admin_u")),
            "root:admin_u\n%wheel:admin_u\n");
  check_seusers(logins, PolicyDb::from_image(small.binary, "policy"));

  std::vector<SelinuxUser> users = PolicyDb::from_image(small.binary, "policy").users();
  apply_user_prefixes(small.user_prefixes, users);
  EXPECT_EQ(users[0].prefix, "admin_r");
  EXPECT_EQ(users[1].prefix, "guest");
  EXPECT_EQ(users[2].prefix, "user");
}

TEST(Seusers, NameEveryBadLine) {
  EXPECT_EQ(error_of([] { parse_seusers("root\n:a_u\nb:\nc:d e\nf:g:\nok:u:s0\n"); }),
            "cannot read 'seusers' line 1: expected 'login:user[:range]', found 'root'\n"
            "cannot read 'seusers' line 2: expected 'login:user[:range]', found ':a_u'\n"
            "cannot read 'seusers' line 3: expected 'login:user[:range]', found 'b:'\n"
            "cannot read 'seusers' line 4: expected 'login:user[:range]', found 'c:d e'\n"
            "cannot read 'seusers' line 5: expected 'login:user[:range]', found 'f:g:'");
  std::vector<SelinuxUser> users;
  EXPECT_EQ(error_of([&] { apply_user_prefixes("user a prefix b;\nuser a prefix b\n", users); }),
            "cannot read the user prefixes line 2: expected 'user NAME prefix PREFIX;', found "
            "'user a prefix b'");
}

TEST(Seusers, NameEveryLoginThatThePolicyCannotServe) {
  const PolicyDb mls =
      PolicyDb::from_image(compile_small_policy(small_policy_cil(true)).binary, "policy");
  EXPECT_EQ(
      error_of([&] {
        check_seusers({{"a", "odd_u", "s0"},
                       {"b", "guest_u", ""},
                       {"c", "guest_u", "s0-s0:c1"},
                       {"d", "guest_u", "s7"},
                       {"e", "guest_u", "s0"},
                       {"e", "guest_u", "s0"}},
                      mls);
      }),
      "cannot map login 'a': the policy has no SELinux user 'odd_u'\n"
      "cannot map login 'b': the policy is MLS, and the mapping has no range\n"
      "cannot map login 'c': range 's0-s0:c1' is not within 's0', which SELinux user "
      "'guest_u' has\n"
      "cannot map login 'd': range 's7' is not within 's0', which SELinux user 'guest_u' has\n"
      "cannot map login 'e': it is mapped twice");
  const PolicyDb plain =
      PolicyDb::from_image(compile_small_policy(small_policy_cil(false)).binary, "policy");
  EXPECT_EQ(error_of([&] {
              check_seusers({{"a", "guest_u", "s0"}}, plain);
            }),
            "cannot map login 'a': the mapping has range 's0', and the policy is not MLS");
}

}  // namespace
}  // namespace policy
