// SPDX-License-Identifier: Apache-2.0
//
// Label rules applied to a tree: a user's, and what ours say of names and roles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/label.h"
#include "tests/unit/policy/label_sample.h"

namespace policy {
namespace {

using testing::ElementsAre;
using tests::error_of;
using tests::Sample;

LabelInput input_with(std::string rules, std::string_view policy = tests::kPolicy,
                      std::vector<StorePath> store_paths = {}) {
  LabelInput input = tests::input_for(policy, std::move(store_paths));
  const NamedText mine[] = {{"mine.rules", std::move(rules)}};
  input.label_rules = LabelRules::parse(mine);
  return input;
}

constexpr const char* kHttpd = "system_u:object_r:httpd_exec_t";

TEST(LabelWithRules, APackageIsNoOtherPackage) {
  Sample sample;
  const std::string packages[] = {"1-nginx-1.22.1",       "1-nginx",
                                  "2-nginx-1.22.1-lib",   "3-nginx-dev",
                                  "1-evil-nginx-1.22.1",  "1-nginx-evil",
                                  "1-nginx-evil-1.22.1",  "1-nginxx-1.22.1",
                                  "1-unit-nginx.service", "1-libnginx-mod-1.22.1"};
  for (const std::string& name : packages) {
    sample.file("/nix/store/" + name + "/bin/nginx", 0555);
    sample.file("/nix/store/" + name + "/bin/nginx2", 0555);
    sample.file("/nix/store/" + name + "/lib/nginx/bin/nginx", 0555);
  }
  ASSERT_EQ(sample.label_by(input_with("package nginx /bin/nginx httpd_exec_t\n")), "(no error)");
  for (const std::string& name : packages) {
    const bool is_nginx = &name - packages < 4;
    EXPECT_EQ(sample.of("/nix/store/" + name + "/bin/nginx") == kHttpd, is_nginx) << name;
    EXPECT_NE(sample.of("/nix/store/" + name + "/bin/nginx2"), kHttpd) << name;
    EXPECT_NE(sample.of("/nix/store/" + name + "/lib/nginx/bin/nginx"), kHttpd) << name;
    EXPECT_EQ(sample.of("/nix/store/" + name), "skeleton");
  }
  EXPECT_EQ(sample.report.by_label_rule.at(0), 4u);
  EXPECT_EQ(sample.report.by_context.at(kHttpd), 4u);
  EXPECT_EQ(sample.report.inodes, 3u + 10 * 8);
  EXPECT_THAT(sample.reporter.warnings, ElementsAre());
}

TEST(LabelWithRules, ATypeAloneIsCompletedAsTheContextsAre) {
  Sample sample;
  sample.file("/nix/store/1-a/bin/x");
  const std::string rules = "package a /bin/x x_t\npackage a /bin staff_u:object_r:bin_t:s3\n";
  ASSERT_EQ(sample.label_by(input_with(rules)), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-a/bin/x"), "system_u:object_r:x_t");
  EXPECT_EQ(sample.of("/nix/store/1-a/bin"), "staff_u:object_r:bin_t:s3");
  const std::string with_ranges = std::string(tests::kPolicy) + "/mls system_u:object_r:mls_t:s0\n";
  ASSERT_EQ(sample.label_by(input_with(rules, with_ranges)), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-a/bin/x"), "system_u:object_r:x_t:s0");
  EXPECT_EQ(sample.of("/nix/store/1-a/bin"), "staff_u:object_r:bin_t:s3");
}

TEST(LabelWithRules, TheFirstThatFitsWinsAndALabelBeforeAPlace) {
  Sample sample;
  for (const char* path : {"/share/www/index", "/share/www/cgi/run", "/share/data/x", "/etc/x"}) {
    sample.file(std::string("/nix/store/1-site-1.0") + path);
  }
  sample.file("/nix/store/1-site-1.0/share/tool", 0555);
  sample.link("/etc/shadow", "/nix/store/1-site-1.0/etc/x");
  ASSERT_EQ(sample.label_by(input_with("package site /share/data as /boot\n"
                                       "any /share -x u:r:tool\n"
                                       "package site /share/www/cgi u:r:cgi\n"
                                       "package site /share/www u:r:www\n"
                                       "any /share/www -d u:r:never\n"
                                       "package site /share/data u:r:data\n"
                                       "name si*-* /etc u:r:own\n")),
            "(no error)");
  const std::pair<const char*, const char*> kExpected[] = {
      {"", "skeleton"},
      {"/share", "usr"},
      {"/share/tool", "u:r:tool"},
      {"/share/www", "u:r:www"},
      {"/share/www/index", "u:r:www"},
      {"/share/www/cgi", "u:r:cgi"},
      {"/share/www/cgi/run", "u:r:cgi"},
      {"/share/data/x", "u:r:data"},
      {"/etc/x", "u:r:own"},  // though the root links to it from /etc/shadow
  };
  for (const auto& [path, expected] : kExpected) {
    EXPECT_EQ(sample.of(std::string("/nix/store/1-site-1.0") + path), expected) << path;
  }
  EXPECT_THAT(sample.reporter.warnings,
              ElementsAre("label rule mine.rules:1 matches no inode: package site /share/data as "
                          "/boot",
                          "label rule mine.rules:5 matches no inode: any /share/www -d u:r:never"));
}

TEST(LabelWithRules, AUsersPlacesComeBeforeOurs) {
  Sample sample;
  sample.role("1-linux", StorePathRole::kKernel);
  sample.file("/nix/store/1-tools-1/libexec/sshd");
  sample.file("/nix/store/1-tools-1/libexec/.login-wrapped");
  sample.file("/nix/store/2-fhs/usr/bin/sh");
  sample.file("/nix/store/3-zones/UTC");
  sample.file("/nix/store/1-linux/System.map");
  sample.file("/nix/store/4-config-shadow");
  sample.link("/etc/gshadow", "/nix/store/5-x/data");
  sample.file("/nix/store/5-x/data");
  ASSERT_EQ(sample.label_by(input_with("package tools /libexec as /usr/bin /usr/sbin\n"
                                       "name fhs / as /\n"
                                       "package zones / as /usr/share/zone/Etc\n"
                                       "role kernel / -- as /var/kernel\n"
                                       "name config-* . as /etc/*\n"
                                       "package x /data as /usr/bin/sh\n",
                                       tests::kPolicy, sample.store_paths)),
            "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-tools-1/libexec/sshd"), "sshd_exec");
  EXPECT_EQ(sample.of("/nix/store/1-tools-1/libexec/.login-wrapped"), "login_exec");
  EXPECT_EQ(sample.of("/nix/store/2-fhs/usr/bin/sh"), "shell");
  EXPECT_EQ(sample.of("/nix/store/2-fhs/usr"), "usr");
  EXPECT_EQ(sample.of("/nix/store/3-zones/UTC"), "zone");
  EXPECT_EQ(sample.of("/nix/store/1-linux/System.map"), "var");
  EXPECT_EQ(sample.of("/nix/store/4-config-shadow"), "shadow");
  // No guess, so that a link must be more specific; both are plain text, and one is longer.
  EXPECT_EQ(sample.of("/nix/store/5-x/data"), "gshadow");
  EXPECT_THAT(sample.reporter.warnings, ElementsAre());
}

TEST(LabelWithRules, OursKnowTheNamesOfNixpkgs) {
  const std::string policy = std::string(tests::kPolicy) +
                             "/home/[^/]+/.+ home\n/home/[^/]+/\\.ssh(/.*)? ssh_home\n"
                             "/usr/bin/sudo -- sudo_exec\n";
  const std::pair<const char*, const char*> kFiles[] = {
      {"1-unit-script-a/bin/a-start", "bin"},
      {"1-unit-a.service/a.service", "unit"},
      {"1-unit-a.service/bin/a", "unit"},
      {"1-system-units/b.service", "unit"},
      {"1-user-units/b.service", "user_unit"},
      {"1-security-wrapper-sudo/bin/security-wrapper", "sudo_exec"},
      {"2-security-wrapper-sudo-x86_64-unknown-linux-musl/bin/security-wrapper", "sudo_exec"},
      {"2-security-wrapper-sudo-aarch64-unknown-linux-musl/bin/security-wrapper", "sudo_exec"},
      {"2-security-wrapper-sudo/bin/other", "bin"},
      {"1-home-manager-generation/activate", "bin"},
      {"1-home-manager-path/bin/sshd", "sshd_exec"},
      {"1-user-environment/bin/sshd", "sshd_exec"},
      {"1-user-environment/manifest.nix", "usr"},
      {"1-home-manager-files/.config/x", "home"},
      {"1-home-manager-files/.ssh/config", "ssh_home"},
      {"1-openssh-9.6p1-man/share/man/man8/sshd.8", "usr"},
      {"1-openssh-9.6p1/bin/..login-wrapped-wrapped", "login_exec"},
      {"1-openssh-9.6p1/bin/.login-wrapped_", "login_exec"},
      {"1-openssh-9.6p1/bin/.login-wrapped___", "bin"},
  };
  Sample sample;
  for (const auto& file : kFiles) sample.file(std::string("/nix/store/") + file.first, 0555);
  sample.link("/nix/store/1-home-manager-generation/home-path", "../1-home-manager-path");
  ASSERT_EQ(sample.label_all(policy), "(no error)");
  for (const auto& [path, expected] : kFiles) {
    EXPECT_EQ(sample.of(std::string("/nix/store/") + path), expected) << path;
  }
  EXPECT_EQ(sample.of("/nix/store/1-home-manager-generation/home-path"), "skeleton");
  // A policy that says nothing of homes.
  ASSERT_EQ(sample.label_all(), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-home-manager-files/.config/x"), "usr");
}

TEST(LabelWithRules, NameTheRuleOfAContextThatThePolicyDoesNotKnow) {
  Sample sample;
  sample.file("/nix/store/1-a/bin/x");
  LabelInput input = input_with(
      "package a /bin/x known_t\npackage a /bin odd_t\n\npackage none / u:object_r:odd_t:s0\n");
  input.context_is_valid = [](std::string_view context) {
    return context.find("odd") == std::string_view::npos;
  };
  const std::string expected =
      "cannot apply label rule mine.rules:2: the policy does not know 'system_u:object_r:odd_t'\n"
      "cannot apply label rule mine.rules:4: the policy does not know 'u:object_r:odd_t:s0'";
  EXPECT_EQ(sample.label_by(input), expected);
  EXPECT_EQ(error_of([&] { explain(sample.tree, input, "/nix/store/1-a"); }), expected);
}

TEST(LabelWithRules, WarnOfRulesThatMatchNothing) {
  Sample sample;
  sample.file("/nix/store/1-nginx-1.22/bin/nginx");
  ASSERT_EQ(sample.label_by(input_with("package ngnix /bin/nginx httpd_exec_t\n"
                                       "package nginx /bin/ngnix httpd_exec_t\n"
                                       "file .*-hidden as *\n"
                                       "package nginx /bin/nginx httpd_exec_t # this one does\n")),
            "(no error)");
  EXPECT_THAT(
      sample.reporter.warnings,
      ElementsAre("label rule mine.rules:1 matches no inode: package ngnix /bin/nginx httpd_exec_t "
                  "(did you mean 'nginx'?)",
                  "label rule mine.rules:2 matches no inode: package nginx /bin/ngnix httpd_exec_t",
                  "label rule mine.rules:3 matches no inode: file .*-hidden as *"));
}

TEST(LabelWithRules, CountForNothingWithoutProjection) {
  Sample sample;
  sample.file("/nix/store/1-nginx/bin/nginx");
  LabelInput input = input_with("package nginx /bin/nginx httpd_exec_t\n");
  input.project_store = false;
  ASSERT_EQ(sample.label_by(input), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-nginx/bin/nginx"), "skeleton");
  EXPECT_TRUE(sample.report.by_label_rule.empty());
}

TEST(LabelWithRules, AUsersRenamingsEnd) {
  Sample sample;
  sample.file("/nix/store/1-a/bin/x");
  sample.file("/nix/store/1-a/bin/sshd.real");
  ASSERT_EQ(sample.label_by(input_with("file *.real as *\nfile x* as xx*\nfile login as login\n")),
            "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-a/bin/x"), "bin");
  EXPECT_EQ(sample.of("/nix/store/1-a/bin/sshd.real"), "sshd_exec");
}

TEST(Explain, NamesTheLabelRule) {
  Sample sample;
  sample.file("/nix/store/1-openssh-9/bin/.sshd-wrapped");
  sample.file("/nix/store/1-openssh-9/bin/ssh");
  sample.link("/etc/issue", "/nix/store/2-issue");
  sample.file("/nix/store/2-issue");
  sample.link("/nix/store/3-link", "2-issue");
  const LabelInput input = input_with("package openssh /bin/ssh ssh_exec_t\n");
  auto place_of = [&](const Explanation& explanation) {
    return explanation.label_rule ? input.label_rules.place_of(*explanation.label_rule) : "none";
  };
  const Explanation labelled = explain(sample.tree, input, "/nix/store/1-openssh-9/bin/ssh");
  EXPECT_EQ(labelled.reason, Explanation::Reason::kLabelRule);
  EXPECT_EQ(labelled.label.text(), "system_u:object_r:ssh_exec_t");
  EXPECT_FALSE(labelled.rule);
  EXPECT_EQ(labelled.place, "");
  EXPECT_EQ(place_of(labelled), "mine.rules:1");
  EXPECT_THAT(labelled.other_places, ElementsAre("/usr/bin/ssh", "/usr/sbin/ssh"));

  const Explanation placed =
      explain(sample.tree, input, "/nix/store/1-openssh-9/bin/.sshd-wrapped");
  EXPECT_EQ(placed.reason, Explanation::Reason::kRule);
  EXPECT_EQ(placed.place, "/usr/sbin/sshd");
  EXPECT_EQ(placed.label_rule->text, "any /bin as /usr/bin /usr/sbin");
  EXPECT_THAT(placed.other_places,
              ElementsAre("/usr/bin/.sshd-wrapped", "/usr/sbin/.sshd-wrapped", "/usr/bin/sshd"));

  const Explanation spelled =
      explain(sample.tree, input, "//nix/store//1-openssh-9/bin/.sshd-wrapped/");
  EXPECT_EQ(spelled.place, "/usr/sbin/sshd");
  EXPECT_EQ(explain(sample.tree, input, "/nix/store/").label.text(), "skeleton");
  EXPECT_EQ(explain(sample.tree, input, "//").label.text(), "root");

  const Explanation linked = explain(sample.tree, input, "/nix/store/2-issue");
  EXPECT_EQ(linked.place, "/etc/issue");
  EXPECT_EQ(place_of(linked), "none");
  EXPECT_EQ(explain(sample.tree, input, "/nix/store/3-link").label_rule->text,
            "any . skeleton guess");
  EXPECT_EQ(explain(sample.tree, input, "/nix/store/2-issue").rule->pattern, "/etc/.*");
  EXPECT_EQ(place_of(explain(sample.tree, input, "/etc")), "none");
}

TEST(ExpectedLabels, SayWhatLabelGives) {
  Sample sample;
  sample.file("/nix/store/1-openssh-9/bin/ssh");
  sample.file("/run/x");
  const LabelInput input = input_with("package openssh /bin/ssh ssh_exec_t\n");
  ASSERT_EQ(sample.label_by(input), "(no error)");
  size_t labelled = 0;
  expect_labels(
      sample.tree, input,
      [&](const std::string& path, const imagefmt::Node& node, const ExpectedLabel& expected) {
        EXPECT_EQ(expected.label.text(), node.label.text()) << path;
        EXPECT_EQ(expected.fault, "");
        if (expected.rule) return;
        ++labelled;
        EXPECT_EQ(path, "/nix/store/1-openssh-9/bin/ssh");
        EXPECT_EQ(input.label_rules.place_of(*expected.label_rule), "mine.rules:1");
      });
  EXPECT_EQ(labelled, 1u);
}

}  // namespace
}  // namespace policy
