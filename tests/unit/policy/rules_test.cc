// SPDX-License-Identifier: Apache-2.0
#include "policy/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy/policydb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/web_policy.h"

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

const std::string& web_image() {
  static const std::string image = tests::compile_small_policy(tests::web_policy_cil(), 33).binary;
  return image;
}

const PolicyRules& web() {
  static const PolicyRules rules = PolicyRules::from_image(web_image(), "web");
  return rules;
}

std::vector<std::string> texts(const std::vector<const Rule*>& rules) {
  std::vector<std::string> lines;
  for (const Rule* rule : rules) lines.push_back(web().text(*rule));
  return lines;
}

TEST(PolicyRules, KnowsTypesAndAttributes) {
  EXPECT_THAT(web().types(), ElementsAre("alone_t", "init_t", "job_exec_t", "job_t", "log_t",
                                         "shell_t", "web_exec_t", "web_t"));
  EXPECT_THAT(web().attributes(), ElementsAre("domain", "exec_type", "nothing"));
  EXPECT_THAT(web().attributes_of("httpd_t"), ElementsAre("domain"));
  EXPECT_THAT(web().attributes_of("log_t"), IsEmpty());
  EXPECT_THAT(web().types_of("exec_type"), ElementsAre("job_exec_t", "web_exec_t"));
  EXPECT_THAT(web().types_of("nothing"), IsEmpty());
  EXPECT_TRUE(web().is_type("httpd_t"));
  EXPECT_FALSE(web().is_type("domain"));
  EXPECT_TRUE(web().is_attribute("domain"));
  EXPECT_FALSE(web().is_attribute("no_such_t"));
}

TEST(PolicyRules, KnowsWhatIsAllowed) {
  EXPECT_TRUE(web().allows("init_t", "web_exec_t", "file", "execute"));
  EXPECT_FALSE(web().allows("init_t", "web_exec_t", "file", "write"));
  EXPECT_TRUE(web().allows("shell_t", "job_exec_t", "file", "read"));  // by an attribute
  EXPECT_TRUE(web().allows("web_t", "web_t", "process", "fork"));
  EXPECT_FALSE(web().allows("web_t", "init_t", "process", "fork"));
  EXPECT_FALSE(web().allows("alone_t", "alone_t", "process", "fork"));
  EXPECT_TRUE(web().allows("httpd_t", "log_t", "file", "write"));        // by booleans
  EXPECT_FALSE(web().allows("web_t", "job_exec_t", "file", "execute"));  // not by booleans
}

TEST(PolicyRules, TellsWhichBooleansARuleDependsOn) {
  std::vector<const Rule*> rules = web().rules_for("web_t", "job_exec_t", "file", "execute");
  EXPECT_THAT(texts(rules),
              ElementsAre("allow web_t job_exec_t:file { execute getattr open read }; "
                          "[ web_jobs ]:True"));
  EXPECT_FALSE(web().is_active(*rules.at(0)));
  EXPECT_THAT(web().booleans_of(*rules.at(0)), ElementsAre("web_jobs"));

  rules = web().rules_for("web_t", "log_t", "file", "write");
  EXPECT_THAT(texts(rules), ElementsAre("allow web_t log_t:file { open write }; "
                                        "[ ! audit && web_logs ]:True"));
  EXPECT_TRUE(web().is_active(*rules.at(0)));
  EXPECT_THAT(web().booleans_of(*rules.at(0)), ElementsAre("audit", "web_logs"));

  rules = web().rules_for("web_t", "log_t", "file", "write", RuleKind::kDontAudit);
  EXPECT_THAT(texts(rules), ElementsAre("dontaudit web_t log_t:file write; "
                                        "[ ! audit && web_logs ]:False"));
  EXPECT_FALSE(web().is_active(*rules.at(0)));

  rules = web().rules_for("init_t", "web_t", "process", "transition");
  EXPECT_THAT(web().booleans_of(*rules.at(0)), IsEmpty());
  EXPECT_TRUE(web().is_active(*rules.at(0)));
}

TEST(PolicyRules, KnowsWhichBooleansWouldMakeARuleHold) {
  using Settings = std::vector<std::pair<std::string, bool>>;
  auto settings = [](const char* target, const char* permission, RuleKind kind) {
    return web().settings_for(*web().rules_for("web_t", target, "file", permission, kind).at(0));
  };
  EXPECT_EQ(settings("job_exec_t", "read", RuleKind::kAllow), Settings({{"web_jobs", true}}));
  EXPECT_EQ(settings("log_t", "write", RuleKind::kAllow), Settings());  // it holds
  // `web_logs && !audit` must not hold: either will do, and one is enough.
  EXPECT_EQ(settings("log_t", "write", RuleKind::kDontAudit), Settings({{"audit", true}}));
}

TEST(PolicyRules, FollowsTransitions) {
  EXPECT_EQ(web().transition("init_t", "web_exec_t"), "web_t");
  EXPECT_EQ(web().transition("web_t", "log_t", "file"), "log_t");
  EXPECT_EQ(web().transition("web_t", "job_exec_t"), std::nullopt);  // its boolean is off
  EXPECT_EQ(web().transition("alone_t", "web_exec_t"), std::nullopt);
}

std::vector<std::string> entries(std::string_view exec_type) {
  std::vector<std::string> lines;
  for (const DomainEntry& entry : web().domains_entered_by(exec_type)) {
    lines.push_back(entry.source + " -> " + entry.domain + (entry.active ? "" : " (inactive)") +
                    (entry.condition.empty() ? "" : " if " + entry.condition));
    for (const MissingAccess& access : entry.missing) {
      lines.push_back("  " + to_string(access) +
                      (access.condition.empty() ? "" : " if " + access.condition));
    }
  }
  return lines;
}

TEST(PolicyRules, ListsTheWaysIntoADomain) {
  EXPECT_THAT(entries("web_exec_t"),
              ElementsAre("init_t -> web_t", "shell_t -> web_t",
                          "  allow shell_t web_exec_t:file { execute getattr open };",
                          "  allow shell_t web_t:process transition;"));
  EXPECT_THAT(
      entries("job_exec_t"),
      ElementsAre("web_t -> job_t (inactive) if web_jobs",
                  "  allow web_t job_exec_t:file { execute getattr open read }; if web_jobs",
                  "  allow web_t job_t:process transition; if web_jobs"));
  EXPECT_THAT(entries("log_t"), IsEmpty());
}

TEST(PolicyRules, ListsADomainThatMustBeAskedFor) {
  std::string cil = tests::web_policy_cil() + "(allow shell_t log_t (file (entrypoint)))";
  PolicyRules rules = PolicyRules::from_image(tests::compile_small_policy(cil, 33).binary, "x");
  std::vector<DomainEntry> found = rules.domains_entered_by("log_t");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].source, "");
  EXPECT_EQ(found[0].domain, "shell_t");
  EXPECT_THAT(found[0].missing, IsEmpty());
}

TEST(PolicyRules, KnowsWhoMay) {
  EXPECT_THAT(web().who_may("web_exec_t", "file", {"read"}), ElementsAre("init_t", "shell_t"));
  EXPECT_THAT(web().who_may("web_exec_t", "file", {"read", "execute"}), ElementsAre("init_t"));
  EXPECT_THAT(web().who_may("job_exec_t", "file", {"execute"}), IsEmpty());
  EXPECT_THAT(web().who_may("log_t", "file", {"write", "open"}), ElementsAre("web_t"));
}

TEST(PolicyRules, RefusesNamesThatThePolicyLacks) {
  EXPECT_EQ(error_of([] { web().allows("no_t", "web_t", "file", "read"); }), "unknown type 'no_t'");
  EXPECT_EQ(error_of([] { web().allows("web_t", "web_t", "socket", "read"); }),
            "unknown class 'socket'");
  EXPECT_EQ(error_of([] { web().allows("web_t", "web_t", "process", "read"); }),
            "class 'process' has no permission 'read'");
  EXPECT_EQ(error_of([] { web().attributes_of("domain"); }), "unknown type 'domain'");
  EXPECT_EQ(error_of([] { web().types_of("web_t"); }), "unknown attribute 'web_t'");
}

TEST(PolicyRules, TakesTheTextToo) {
  PolicyRules rules = PolicyRules::from_cil(kernel_policy_to_cil(web_image(), "web"), "web");
  EXPECT_EQ(rules.tables().rules.size(), web().tables().rules.size());
  EXPECT_EQ(rules.transition("init_t", "web_exec_t"), "web_t");
}

TEST(PolicyRules, RefusesWhatIsNoPolicy) {
  EXPECT_EQ(error_of([] { PolicyRules::from_image("", "p"); }),
            "cannot read policy 'p': the header ends at offset 0, expected 4 more bytes");
  EXPECT_EQ(
      error_of([] { PolicyRules::from_image(web_image().substr(0, 2000), "p"); }).substr(0, 24),
      "cannot read policy 'p': ");
}

TEST(PolicyRules, RefusesTextWithALine) {
  auto refusal = [](std::string_view cil) {
    return error_of([&] { PolicyRules::from_cil(cil, "p"); });
  };
  const std::string known =
      "(mls true)(class file (read))(class c2 (a))(type t)(typeattribute a)(role r)(boolean b true)"
      "(sensitivityorder (s0))(categoryorder (c0 c1))(user u)\n";
  EXPECT_NO_THROW(PolicyRules::from_cil(known, "p"));
  const std::pair<const char*, const char*> wrong[] = {
      {"(frobnicate)", "unknown statement 'frobnicate'"},
      {"()", "an empty statement"},
      {"((type) t)", "expected a name, found a list"},
      {"(type)", "'type' with 0 arguments"},
      {"(type t)", "type 't' is declared twice"},
      {"(role r)", "role 'r' is declared twice"},
      {"(user u)", "user 'u' is declared twice"},
      {"(boolean b false)", "boolean 'b' is declared twice"},
      {"(class file (x))", "class 'file' is declared twice"},
      {"(typealiasactual t t)", "type 't' is declared twice"},
      {"(typeattributeset t (t))", "a set of types for what is no attribute"},
      {"(typeattributeset a (a))", "an attribute among the types of another"},
      {"(typeattributeset a t)", "expected a list, found 't'"},
      {"(allow t x (file (read)))", "unknown type 'x'"},
      {"(allow t t (dir (read)))", "unknown class 'dir'"},
      {"(allow t t (file (write)))", "class 'file' has no permission 'write'"},
      {"(allow t t (file))", "expected a class and its permissions"},
      {"(allowx t t (ioctl file))", "expected a kind, a class and extended permissions"},
      {"(allowx t t (ioctl file (0x10000)))", "'0x10000' is no number up to 65535"},
      {"(allowx t t (ioctl file ((range 2 1))))", "a range whose end comes first"},
      {"(typechange t t file n t)", "'typechange' with 5 arguments"},
      {"(booleanif)", "a booleanif without a condition"},
      {"(booleanif ())", "an empty condition"},
      {"(booleanif x)", "unknown boolean 'x'"},
      {"(booleanif (and b))", "no condition: 'and' of 1"},
      {"(booleanif b (maybe))", "expected 'true' or 'false'"},
      {"(booleanif b (true (type x)))", "expected a rule of types"},
      {"(booleanif b (true ()))", "expected a rule of types"},
      {"(booleanif b (true (booleanif b)))", "expected a rule of types"},
      {"(roleallow r x)", "unknown role 'x'"},
      {"(userrole x r)", "unknown user 'x'"},
      {"(userlevel u (s1))", "unknown sensitivity 's1'"},
      {"(userlevel u (s0 (c9)))", "unknown category 'c9'"},
      {"(userlevel u (s0 ((range c1 c0))))", "a range whose end comes first"},
      {"(userrange u (s0))", "expected a low and a high level"},
      {"(constrain (file ()) (eq u1 u2))", "a constraint of no permission"},
      {"(constrain (file (read)) (xor u1 u2))", "no constraint: 'xor' of 2"},
      {"(constrain (file (read)) ())", "an empty constraint"},
      {"(sidcontext k (u r t))", "expected user, role, type and range"},
      {"(portcon tcp 65536 (u r t ((s0) (s0))))", "'65536' is no number up to 65535"},
      {"(portcon tcp (1) (u r t ((s0) (s0))))", "expected a first and a last number"},
      {"(ibendportcon x 256 (u r t ((s0) (s0))))", "'256' is no number up to 255"},
      {"(nodecon x y z)", "expected a list, found 'x'"},
      {"(classcommon file f)(classcommon file g)", "a class with two commons"},
      {"(sensitivityorder (s0))", "'s0' is declared twice"},
      {"(categoryaliasactual x y)", "unknown name 'y'"},
  };
  for (auto [text, reason] : wrong) {
    EXPECT_EQ(refusal(known + text), std::string("cannot read policy 'p': line 2: ") + reason);
  }
  std::string many = "(class x (";
  for (int i = 0; i < 33; ++i) many += " p" + std::to_string(i);
  EXPECT_EQ(refusal(many + "))"), "cannot read policy 'p': line 1: too many permissions");
  EXPECT_EQ(
      refusal("(class c (a))(classcommon c m)(common m " + many.substr(many.find("( p")) + "))"),
      "cannot read policy 'p': line 1: too many permissions of class 'c'");
}

}  // namespace
}  // namespace policy
