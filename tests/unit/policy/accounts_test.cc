// SPDX-License-Identifier: Apache-2.0
#include "policy/accounts.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using tests::error_of;

TEST(Accounts, AreWhatTheFilesSay) {
  const ImageAccounts accounts = parse_accounts({
      "root:x:0:0:System administrator:/root:/run/current-system/sw/bin/bash\n"
      "\n# nobody\nann:x:1000:100::/home/ann:/bin/sh\n",
      "wheel:x:1:root,ann\nusers:x:100:\n",
      "/run/current-system/sw/bin/bash\n/bin/sh\n",
      "# UID_MIN 7\nUID_MIN\t\t 500\nUID_MAX 29999\nUID_MAXIMUM 1\n",
      "GROUP=100\nHOME=/users/\n",
  });
  ASSERT_EQ(accounts.users.size(), 2u);
  EXPECT_EQ(accounts.users[1].name, "ann");
  EXPECT_EQ(accounts.users[1].uid, 1000u);
  EXPECT_EQ(accounts.users[1].gid, 100u);
  EXPECT_EQ(accounts.users[1].home, "/home/ann");
  EXPECT_EQ(accounts.users[1].shell, "/bin/sh");
  ASSERT_TRUE(find_group(accounts, "wheel"));
  EXPECT_EQ(find_group(accounts, "wheel")->members, (std::vector<std::string>{"root", "ann"}));
  EXPECT_TRUE(find_group(accounts, "users")->members.empty());
  EXPECT_EQ(accounts.shells.size(), 2u);
  EXPECT_EQ(accounts.uid_min, 500u);
  EXPECT_EQ(accounts.uid_max, 29999u);
  EXPECT_EQ(accounts.home_roots, (std::vector<std::string>{"/users"}));
  EXPECT_EQ(find_user(accounts, "bob"), nullptr);
}

TEST(Accounts, HaveDefaultsWithoutFiles) {
  const ImageAccounts accounts = parse_accounts({});
  EXPECT_TRUE(accounts.users.empty());
  EXPECT_EQ(accounts.uid_min, 1000u);
  EXPECT_EQ(accounts.uid_max, 60000u);
  EXPECT_EQ(accounts.home_roots, (std::vector<std::string>{"/home"}));
  EXPECT_TRUE(find_user(accounts_without_image(), "root"));
}

TEST(Accounts, NameEveryBadLine) {
  EXPECT_EQ(error_of([] {
              parse_accounts({"a:x:1\nb:x:one:1:::\nc:x:1:-1:::\n:x:1:1:::\nd:x:4294967296:1:::\n",
                              "g:x:1\ng:x::\n", "", "UID_MIN many\nUID_MAX\n", ""});
            }),
            "cannot read '/etc/passwd' line 1: expected 7 fields, found 3\n"
            "cannot read '/etc/passwd' line 2: bad uid 'one'\n"
            "cannot read '/etc/passwd' line 3: bad gid '-1'\n"
            "cannot read '/etc/passwd' line 4: the name is empty\n"
            "cannot read '/etc/passwd' line 5: bad uid '4294967296'\n"
            "cannot read '/etc/group' line 1: expected 4 fields, found 3\n"
            "cannot read '/etc/group' line 2: bad gid ''\n"
            "cannot read '/etc/login.defs' line 1: UID_MIN is not a number\n"
            "cannot read '/etc/login.defs' line 2: UID_MAX is not a number");
}

TEST(Accounts, KnowPeopleByUidAndShell) {
  ImageAccounts accounts;
  auto person = [&](uint32_t uid, const char* shell) {
    return is_person(accounts, {"a", uid, 1, "/home/a", shell});
  };
  EXPECT_TRUE(person(1000, "/run/current-system/sw/bin/zsh"));
  EXPECT_TRUE(person(60000, ""));  // /bin/sh
  EXPECT_FALSE(person(999, "/bin/sh"));
  EXPECT_FALSE(person(60001, "/bin/sh"));
  EXPECT_FALSE(person(1000, "/run/current-system/sw/bin/nologin"));
  EXPECT_FALSE(person(1000, "/bin/false"));
  accounts.shells = {"/bin/sh", "/sbin/nologin"};
  EXPECT_TRUE(person(1000, "/bin/sh"));
  EXPECT_FALSE(person(1000, "/bin/zsh"));
  EXPECT_FALSE(person(1000, "/sbin/nologin"));
}

}  // namespace
}  // namespace policy
