// SPDX-License-Identifier: Apache-2.0
#include "policy/homedirs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/small_policy.h"

namespace policy {
namespace {

using tests::error_of;

std::vector<std::string> rules_of(const std::string& text) {
  std::vector<std::string> rules;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.front() != '#') rules.push_back(line);
  }
  return rules;
}

constexpr const char* kTemplates =
    "HOME_ROOT\t-d\tsystem_u:object_r:home_root_t:s0\n"
    "HOME_DIR\t-d\tsystem_u:object_r:user_home_dir_t:s0\n"
    "HOME_DIR/\\.ssh(/.*)?\tsystem_u:object_r:ROLE_ssh_t:s0\n"
    "/run/user/%{USERID}\t-d\tsystem_u:object_r:run_t:s0\n"
    "/run/user/%{USERID}/.+\t<<none>>\n"
    "/tmp/x-%{USERNAME}\t--\tsystem_u:object_r:tmp_t:s0\n"
    "/var/spool/USER\t--\tsystem_u:object_r:mail_t:s0\n";

class HomeDirectories : public testing::Test {
 protected:
  HomeDirectories() {
    contexts.rules =
        "/.*\tsystem_u:object_r:default_t:s0\n/srv/www(/.*)?\tsystem_u:object_r:www_t:s0\n"
        "/data\t--\tsystem_u:object_r:data_t:s0\n";
    contexts.templates = kTemplates;
    logins = {{"root", "admin_u", "s0-s0:c0.c1023"}, {"__default__", "guest_u", "s0"}};
    users = {{"admin_u", {"admin_r", "sysadm_r"}, "s0:c1", "s0-s0:c0.c1023", "sysadm"},
             {"guest_u", {"guest_r"}, "s0", "s0", "guest"}};
    accounts.users = {{"root", 0, 0, "/root", "/bin/sh"}};
  }
  HomeRules expand() const {
    return expand_home_directories(contexts, logins, users, mls, accounts, is_valid);
  }

  SplitFileContexts contexts;
  std::vector<SelinuxLogin> logins;
  std::vector<SelinuxUser> users;
  ImageAccounts accounts;
  bool mls = true;
  ContextCheck is_valid;
};

TEST(SplitFileContexts, TakesEveryLineWithAPlaceholder) {
  SplitFileContexts split = split_file_contexts(
      "/.*\ta:b:c\nHOME_DIR/x\ta:b:c\nHOME_ROOT\ta:b:c\n/x/HOME_DIR\ta:b:c\n/ROLE\ta:b:c\n"
      "/opt/USERDATA\ta:b:c\n/run/%{USERID}\ta:b:c\n/last\ta:b:c");
  EXPECT_EQ(split.rules, "/.*\ta:b:c\n/x/HOME_DIR\ta:b:c\n/last\ta:b:c\n");
  EXPECT_EQ(split.templates,
            "HOME_DIR/x\ta:b:c\nHOME_ROOT\ta:b:c\n/ROLE\ta:b:c\n/opt/USERDATA\ta:b:c\n"
            "/run/%{USERID}\ta:b:c\n");
}

TEST_F(HomeDirectories, AreThoseOfEverybodyThenOfEachLogin) {
  EXPECT_EQ(expand().text,
            "# The policy's rules for home directories, expanded for the users of this image.\n"
            "\n\n#\n# Home Context for user user_u\n#\n\n"
            "/home/[^/]+\t-d\tguest_u:object_r:user_home_dir_t:s0\n"
            "/home/[^/]+/\\.ssh(/.*)?\tguest_u:object_r:guest_ssh_t:s0\n"
            "/home\t-d\tsystem_u:object_r:home_root_t:s0\n"
            "/run/user/[0-9]+\t-d\tguest_u:object_r:run_t:s0\n"
            "/run/user/[0-9]+/.+\t<<none>>\n"
            "/tmp/x-[^/]+\t--\tguest_u:object_r:tmp_t:s0\n"
            "/var/spool/[^/]+\t--\tguest_u:object_r:mail_t:s0\n"
            "\n\n#\n# Home Context for user root\n#\n\n"
            "/root\t-d\tadmin_u:object_r:user_home_dir_t:s0:c1\n"
            "/root/\\.ssh(/.*)?\tadmin_u:object_r:sysadm_ssh_t:s0:c1\n"
            "/run/user/0\t-d\tadmin_u:object_r:run_t:s0:c1\n"
            "/run/user/0/.+\t<<none>>\n"
            "/tmp/x-root\t--\tadmin_u:object_r:tmp_t:s0:c1\n"
            "/var/spool/root\t--\tadmin_u:object_r:mail_t:s0:c1\n");
  EXPECT_TRUE(expand().warnings.empty());
}

TEST_F(HomeDirectories, NeedTemplates) {
  contexts.templates.clear();
  EXPECT_EQ(expand().text, "");
}

TEST_F(HomeDirectories, OfLoginsNeedARuleThatNamesAUserAsInLibsemanage) {
  contexts.templates = "HOME_DIR\t-d\tsystem_u:object_r:user_home_dir_t:s0\n";
  EXPECT_EQ(rules_of(expand().text),
            (std::vector<std::string>{"/home/[^/]+\t-d\tguest_u:object_r:user_home_dir_t:s0"}));
}

TEST_F(HomeDirectories, AreUnderTheFoldersOfPeoplesHomes) {
  contexts.templates = "HOME_ROOT\t-d\tsystem_u:object_r:home_root_t:s0\n";
  logins.clear();
  accounts.home_roots = {"/users"};
  accounts.shells = {"/bin/sh"};
  accounts.uid_min = 500;
  accounts.uid_max = 600;
  contexts.rules =
      "/srv/www(/.*)?\tsystem_u:object_r:www_t:s0\n"
      "/data\t--\tsystem_u:object_r:data_t:s0\n/odd/\t-d\tsystem_u:object_r:odd_t:s0\n";
  accounts.users = {
      {"a", 500, 1, "/srv/homes/a//", "/bin/sh"},  {"b", 600, 1, "/data/b", "/bin/sh"},
      {"system", 499, 1, "/x/system", "/bin/sh"},  {"big", 601, 1, "/y/big", "/bin/sh"},
      {"script", 550, 1, "/z/script", "/bin/odd"}, {"top", 551, 1, "/top", "/bin/sh"},
      {"none", 552, 1, "/var/empty", "/bin/sh"},   {"www", 553, 1, "/srv/www/www", "/bin/sh"}};
  HomeRules rules = expand();
  EXPECT_EQ(rules_of(rules.text), (std::vector<std::string>{
                                      "/data\t-d\tsystem_u:object_r:home_root_t:s0",
                                      "/srv/homes\t-d\tsystem_u:object_r:home_root_t:s0",
                                      "/users\t-d\tsystem_u:object_r:home_root_t:s0",
                                  }));
  EXPECT_EQ(rules.warnings,
            (std::vector<std::string>{"the home '/srv/www/www' of user 'www' lies in '/srv/www', "
                                      "which the policy has rules for: no rules for home "
                                      "directories are made there"}));
}

TEST_F(HomeDirectories, LieNotWhereTheCatchAllIsTheOnlyRule) {
  // `/.*` loses its tail and claims `/` alone, as in libsemanage.
  contexts.templates = "HOME_ROOT\t-d\tsystem_u:object_r:home_root_t:s0\n";
  accounts.users = {{"a", 1000, 1, "/srv/a", "/bin/sh"}};
  EXPECT_EQ(rules_of(expand().text),
            (std::vector<std::string>{"/home\t-d\tsystem_u:object_r:home_root_t:s0",
                                      "/srv\t-d\tsystem_u:object_r:home_root_t:s0"}));
}

TEST_F(HomeDirectories, FollowMappedGroupsUnlessTheUserIsMapped) {
  contexts.templates = "/run/%{USERNAME}\tsystem_u:object_r:run_t:s0\n";
  logins = {{"%wheel", "admin_u", "s0"}, {"%staff", "guest_u", "s0"}, {"bob", "guest_u", "s0"}};
  accounts.users = {{"ann", 1, 100, "/home/ann", "/bin/sh"},
                    {"bob", 2, 100, "/home/bob", "/bin/sh"},
                    {"cat", 3, 50, "/home/cat", "/bin/sh"}};
  accounts.groups = {{"wheel", 10, {"bob", "ann", "ghost"}}, {"staff", 50, {}}};
  HomeRules rules = expand();
  EXPECT_EQ(rules_of(rules.text), (std::vector<std::string>{
                                      "/run/[^/]+\tuser_u:object_r:run_t:s0",
                                      "/run/cat\tguest_u:object_r:run_t:s0",
                                      "/run/ann\tadmin_u:object_r:run_t:s0:c1",
                                      "/run/bob\tguest_u:object_r:run_t:s0",
                                  }));
  EXPECT_EQ(rules.warnings, std::vector<std::string>());

  accounts.groups[1].members = {"ann"};
  EXPECT_EQ(
      error_of([&] { expand(); }),
      "cannot map login 'ann': it is in the groups 'wheel' and 'staff', which are both mapped; "
      "map the login itself");
  logins = {{"%nobody", "guest_u", "s0"}};
  EXPECT_EQ(expand().warnings, std::vector<std::string>());
}

TEST_F(HomeDirectories, StandForThemselvesInRegularExpressions) {
  contexts.templates =
      "HOME_DIR\tsystem_u:object_r:home_t:s0\n/run/%{USERNAME}\tsystem_u:object_r:run_t:s0\n";
  logins = {{"a.b+c", "guest_u", "s0"}};
  accounts.users = {{"a.b+c", 1, 1, "/home/my (home)\xc3\xa9", "/bin/sh"}};
  EXPECT_EQ(rules_of(expand().text),
            (std::vector<std::string>{
                "/home/[^/]+\tuser_u:object_r:home_t:s0",
                "/run/[^/]+\tuser_u:object_r:run_t:s0",
                "/home/my[\\x20]\\(home\\)[\\xc3][\\xa9]\tguest_u:object_r:home_t:s0",
                "/run/a\\.b\\+c\tguest_u:object_r:run_t:s0",
            }));
}

TEST_F(HomeDirectories, TakeAPrefixThatIsARoleAsTheRole) {
  contexts.templates = "/run/%{USERNAME}\tsystem_u:object_r:run_t:s0\n";
  users[0].prefix = "sysadm_r";
  EXPECT_EQ(rules_of(expand().text).back(), "/run/root\tadmin_u:sysadm_r:run_t:s0:c1");
}

TEST_F(HomeDirectories, HaveNoLevelsWithoutMls) {
  mls = false;
  contexts.templates = "/run/%{USERNAME}\tsystem_u:object_r:run_t\n";
  EXPECT_EQ(rules_of(expand().text).back(), "/run/root\tadmin_u:object_r:run_t");
}

TEST_F(HomeDirectories, LeaveOutWhatThePolicyDoesNotKnow) {
  is_valid = [](const std::string& context) { return context.find("mail_t") == std::string::npos; };
  HomeRules rules = expand();
  EXPECT_EQ(rules.text.find("mail_t"), std::string::npos);
  EXPECT_EQ(rules.warnings, (std::vector<std::string>{
                                "home directory rules with label 'guest_u:object_r:mail_t:s0' "
                                "are left out: the policy does not know it",
                                "home directory rules with label "
                                "'admin_u:object_r:mail_t:s0:c1' are left out: the policy "
                                "does not know it"}));
}

TEST_F(HomeDirectories, WarnOfTemplatesWithoutUse) {
  contexts.templates = "/tmp/ROLE\tsystem_u:object_r:tmp_t:s0\n";
  EXPECT_EQ(expand().warnings,
            (std::vector<std::string>{"no rule is made of '/tmp/ROLE\tsystem_u:object_r:tmp_t:s0': "
                                      "ROLE is replaced only beside HOME_DIR, USER or "
                                      "%{USERNAME}"}));
}

TEST_F(HomeDirectories, RefuseWhatCannotBeExpanded) {
  logins = {{"__default__", "odd_u", "s0"}};
  EXPECT_EQ(error_of([&] { expand(); }),
            "cannot map login '__default__': the policy has no SELinux user 'odd_u'");
  logins = {{"root", "odd_u", "s0"}};
  EXPECT_EQ(error_of([&] { expand(); }),
            "cannot map login 'root': the policy has no SELinux user 'odd_u'");
  logins.clear();
  contexts.templates = "HOME_DIR\n";
  EXPECT_EQ(error_of([&] { expand(); }),
            "cannot expand home directory template '/home/[^/]+': it has no context");
  contexts.templates = "HOME_DIR\ta:b\n";
  EXPECT_EQ(error_of([&] { expand(); }),
            "cannot expand the templates for home directories: bad label 'a:b'");
  contexts.rules = "/ok\ta:b:c\n/bad(\ta:b:c\n";
  accounts.users = {{"a", 1000, 1, "/srv/a", "/bin/sh"}};
  EXPECT_EQ(error_of([&] { expand(); }),
            "cannot read 'file_contexts' line 2: '/bad(' is no regular expression");
}

// ---- The reference: libsemanage itself, in a folder of its own.

constexpr const char* kSmallTemplates = R"(
(filecon "/.*" any (system_u object_r run_t ((s0) (s0))))
(filecon "/srv/taken(/.*)?" any (system_u object_r run_t ((s0) (s0))))
(filecon "/opt/USERDATA" file (system_u object_r run_t ((s0) (s0))))
(filecon "HOME_DIR/.+" any (system_u object_r home_t ((s0) (s0))))
(filecon "HOME_DIR" dir (system_u object_r home_t ((s0) (s0))))
(filecon "HOME_DIR/ROLE/x" dir (system_u object_r home_t ((s0) (s0))))
(filecon "HOME_ROOT" dir (system_u object_r home_t ((s0) (s0))))
(filecon "/run/user/%{USERID}" dir (system_u object_r run_t ((s0) (s0))))
(filecon "/run/user/%{USERID}/.+" any ())
(filecon "/run/x-%{USERNAME}" any (system_u object_r run_t ((s0) (s0))))
(filecon "/var/spool/USER" any (system_u object_r home_t ((s0) (s0))))
(selinuxuser %sys guest_u ((s0) (s0)))
(selinuxuser daemon guest_u ((s0) (s0)))
(selinuxuser no-such-user guest_u ((s0) (s0)))
)";

/// The accounts of the host, which is what libsemanage goes by.
ImageAccounts accounts_of_host() {
  auto text = [](const char* path) {
    return std::filesystem::exists(path) ? imagefmt::read_file(path) : std::string();
  };
  const std::string passwd = text("/etc/passwd"), group = text("/etc/group");
  const std::string shells = text("/etc/shells"), login_defs = text("/etc/login.defs");
  const std::string useradd = text("/etc/default/useradd");
  return parse_accounts({passwd, group, shells, login_defs, useradd});
}

class Reference : public testing::TestWithParam<bool> {};

TEST_P(Reference, GivesTheSameRules) {
  std::string tool;
  for (const char* path : {"/usr/sbin/semodule", "/sbin/semodule", "/usr/bin/semodule"}) {
    if (tool.empty() && access(path, X_OK) == 0) tool = path;
  }
  if (tool.empty()) {
    if (std::getenv("CI")) FAIL() << "semodule is not installed";
    GTEST_SKIP() << "semodule is not installed";
  }
  const std::string cil = tests::small_policy_cil(GetParam(), kSmallTemplates);
  tests::TempDir root;
  for (const char* folder : {"/etc/selinux/small/contexts/files", "/var/lib/selinux"}) {
    std::filesystem::create_directories(root.path() + folder);
  }
  imagefmt::write_file(root / "etc/selinux/semanage.conf", "module-store = direct\n");
  imagefmt::write_file(root / "small.cil", cil);
  const std::string command = tool + " -n -p " + root.path() + " -s small -S /var/lib/selinux -i " +
                              root / "small.cil" + " > " + root / "log" + " 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << imagefmt::read_file(root / "log");

  const tests::SmallPolicy small = tests::compile_small_policy(cil);
  const PolicyDb policy = PolicyDb::from_image(small.binary, "policy");
  std::vector<SelinuxUser> all = policy.users();
  apply_user_prefixes(small.user_prefixes, all);
  const std::vector<SelinuxLogin> mapped = parse_seusers(small.seusers);
  check_seusers(mapped, policy);
  const SplitFileContexts split = split_file_contexts(small.file_contexts);
  const HomeRules ours =
      expand_home_directories(split, mapped, all, GetParam(), accounts_of_host(),
                              [&](const std::string& context) { return policy.accepts(context); });
  const std::string files = root / "etc/selinux/small/contexts/files/";
  EXPECT_EQ(rules_of(ours.text), rules_of(imagefmt::read_file(files + "file_contexts.homedirs")));
  EXPECT_EQ(split.rules, imagefmt::read_file(files + "file_contexts"));
  EXPECT_EQ(serialize_seusers(mapped), imagefmt::read_file(root / "etc/selinux/small/seusers"));
}
INSTANTIATE_TEST_SUITE_P(Mls, Reference, testing::Bool());

}  // namespace
}  // namespace policy
