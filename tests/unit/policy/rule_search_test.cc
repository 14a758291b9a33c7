// SPDX-License-Identifier: Apache-2.0
//
// tests/oracle/setools holds far more queries against setools itself.
#include "policy/rule_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/unit/policy/web_policy.h"

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

const PolicyRules& web() {
  static const PolicyRules rules = PolicyRules::from_image(
      tests::compile_small_policy(tests::web_policy_cil(), 33).binary, "web");
  return rules;
}

template <class Set>
std::vector<std::string> found(Set set) {
  RuleQuery query;
  set(query);
  return search_rules(web(), query);
}

TEST(RuleSearch, FindsBySourceAndItsAttributes) {
  auto allows_of = [](const char* source, bool direct) {
    return found([&](RuleQuery& q) {
      q.kinds = {RuleKind::kAllow};
      q.source = source;
      q.source_direct = direct;
    });
  };
  EXPECT_THAT(allows_of("init_t", false),
              ElementsAre("allow init_t init_t:process fork;",
                          "allow init_t web_exec_t:file { execute getattr open read };",
                          "allow init_t web_t:process transition;"));
  EXPECT_THAT(allows_of("domain", true), IsEmpty());
  EXPECT_EQ(allows_of("domain", false).size(), 13u);
  EXPECT_THAT(found([](RuleQuery& q) {
                q.kinds = {RuleKind::kAllow};
                q.target = "job_exec_t";
                q.source = "shell_t";
              }),
              ElementsAre("allow shell_t exec_type:file read;"));
  EXPECT_THAT(found([](RuleQuery& q) {
                q.kinds = {RuleKind::kAllow};
                q.target = "^exec";
                q.target_regex = q.target_direct = true;
              }),
              ElementsAre("allow shell_t exec_type:file read;"));
}

TEST(RuleSearch, FindsByClassAndPermissions) {
  auto with = [](const char* permissions, bool equal, bool subset) {
    return found([&](RuleQuery& q) {
      q.kinds = {RuleKind::kAllow};
      q.classes = "file,dir";
      q.permissions = permissions;
      q.permissions_equal = equal;
      q.permissions_subset = subset;
    });
  };
  EXPECT_EQ(with("read,search", false, false).size(), 4u);
  EXPECT_THAT(with("read", true, false), ElementsAre("allow shell_t exec_type:file read;"));
  EXPECT_THAT(with("open,write", false, true),
              ElementsAre("allow web_t log_t:file { open write }; [ ! audit && web_logs ]:True"));
}

TEST(RuleSearch, FindsByBoolean) {
  auto with = [](const char* booleans, bool equal, bool regex) {
    return found([&](RuleQuery& q) {
             q.kinds = {RuleKind::kAllow, RuleKind::kDontAudit, RuleKind::kTypeTransition};
             q.booleans = booleans;
             q.booleans_equal = equal;
             q.boolean_regex = regex;
           })
        .size();
  };
  EXPECT_EQ(with("web_jobs", false, false), 3u);
  EXPECT_EQ(with("audit,web_jobs", false, false), 5u);
  EXPECT_EQ(with("audit", true, false), 0u);
  EXPECT_EQ(with("audit,web_logs", true, false), 2u);
  EXPECT_EQ(with("^web_", false, true), 5u);
}

TEST(RuleSearch, FindsTransitionsByWhatTheyGive) {
  EXPECT_THAT(found([](RuleQuery& q) {
                q.kinds = {RuleKind::kTypeTransition};
                q.new_name = "log_t";
              }),
              ElementsAre("type_transition web_t log_t:file log_t access log;",
                          "type_transition web_t log_t:file log_t;"));
  EXPECT_THAT(found([](RuleQuery& q) {
                q.range_transition = true;
                q.new_name = "s0-s0:c1";
              }),
              ElementsAre("range_transition init_t web_exec_t:process s0 - s0:c1;"));
  EXPECT_THAT(found([](RuleQuery& q) {
                q.range_transition = true;
                q.new_name = "s0 - s0:c1.blue";
              }),
              IsEmpty());
  EXPECT_THAT(
      found([](RuleQuery& q) { q.role_allow = q.role_transition = true; }),
      ElementsAre("allow sys_r object_r;", "role_transition sys_r web_exec_t:process sys_r;"));
}

TEST(RuleSearch, FindsExtendedPermissions) {
  auto with = [](const char* xperms, bool equal) {
    return found([&](RuleQuery& q) {
      q.kinds = {RuleKind::kAllow, RuleKind::kAllowXperm};
      q.xperms = xperms;
      q.xperms_equal = equal;
    });
  };
  EXPECT_THAT(with("5412-5420", false),
              ElementsAre("allowxperm web_t log_t:chr_file ioctl { 0x5401 0x5410-0x5412 };"));
  EXPECT_THAT(with("0x5402", false), IsEmpty());
  EXPECT_EQ(with("0x5410,0x5412,0x5411,0x5401", true).size(), 1u);
  EXPECT_EQ(with("0x5401", true).size(), 0u);
}

TEST(RuleSearch, RefusesWhatThePolicyLacks) {
  auto refusal = [](auto set) { return error_of([&] { found(set); }); };
  auto allow = [](RuleQuery& q) { q.kinds = {RuleKind::kAllow}; };
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.source = "x"; }),
            "unknown type or attribute 'x'");
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.classes = "file,x"; }), "unknown class 'x'");
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.booleans = "x"; }), "unknown boolean 'x'");
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.permissions = "x"; }),
            "unknown permission 'x'");
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.classes = "process", q.permissions = "read"; }),
            "unknown permission 'read'");
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.xperms = "0x5401,dog"; }),
            "no extended permission: 'dog'");
  EXPECT_EQ(refusal([&](RuleQuery& q) { allow(q), q.source = "a(", q.source_regex = true; }),
            "cannot search for 'a(': missing closing parenthesis (byte 2)");
  EXPECT_EQ(refusal([](RuleQuery& q) { q.role_allow = true, q.source = "init_t"; }),
            "unknown role 'init_t'");
  EXPECT_EQ(refusal([](RuleQuery& q) { q.role_allow = true, q.target = "x"; }),
            "unknown type, attribute or role 'x'");
  auto range = [&](const char* text) {
    return refusal([&](RuleQuery& q) { q.range_transition = true, q.new_name = text; });
  };
  EXPECT_EQ(range("s7"), "no range of this policy: 's7': unknown sensitivity 's7'");
  EXPECT_EQ(range("s0:c9"), "no range of this policy: 's0:c9': unknown category 'c9'");
  EXPECT_EQ(range("s0:c2.c1"),
            "no range of this policy: 's0:c2.c1': 'c2.c1' ends before it begins");
  EXPECT_EQ(range("s1-s0"),
            "no range of this policy: 's1-s0': the high level does not dominate the low one");
}

}  // namespace
}  // namespace policy
