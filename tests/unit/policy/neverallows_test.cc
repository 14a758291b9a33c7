// SPDX-License-Identifier: Apache-2.0
#include "policy/neverallows.h"

#include <fmt/format.h>
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

std::vector<std::string> lines(const std::vector<Neverallow>& rules) {
  std::vector<std::string> lines;
  for (const Neverallow& rule : rules) {
    lines.push_back(rule.module + ":" + std::to_string(rule.line) + " " + rule.text);
  }
  return lines;
}

constexpr std::string_view kBase = R"((typeattribute base_1)
(typeattributeset base_1 (and (domain) (not (may_read))))
(typeattributeset may_read (web_t))
(neverallow base_1 log_t (file (read)))
(optional deep
  (neverallow domain self (process (transition)))
  (neverallow domain notself (process (fork))))
(neverallow exec_type gone_t (file (read)))
(classpermission changes)
(classpermissionset changes (file (not (read getattr open execute entrypoint))))
(neverallow (or shell_t gone_t) (all) changes)
(neverallowx domain log_t (ioctl file (0x1)))
)";
constexpr std::string_view kMore =
    "(typeattributeset may_read (init_t))\n"
    "(neverallow job_t other (file (all)))\n"
    "(neverallow domain other (process (transition)))";

TEST(Neverallows, KnowsWhatTheModulesForbid) {
  Neverallows never(web(), {{"base", kBase}, {"more", kMore}});
  EXPECT_EQ(never.size(), 7u);
  EXPECT_THAT(lines(never.forbidding("shell_t", "log_t", "file", "read")),
              ElementsAre("base:4 neverallow base_1 log_t:file (read);"));
  // The set grows in another module, and `all` is more than the attribute.
  EXPECT_THAT(never.forbidding("web_t", "log_t", "file", "read"), IsEmpty());
  EXPECT_THAT(never.forbidding("init_t", "log_t", "file", "read"), IsEmpty());
  EXPECT_THAT(never.forbidding("alone_t", "log_t", "file", "read"), IsEmpty());
  EXPECT_THAT(lines(never.forbidding("shell_t", "log_t", "file", "write")),
              ElementsAre("base:11 neverallow (or shell_t gone_t) (all):file "
                          "(not (read getattr open execute entrypoint));"));
  EXPECT_THAT(lines(never.forbidding("httpd_t", "web_t", "process", "transition")),
              ElementsAre("base:6 neverallow domain self:process (transition);"));
  EXPECT_THAT(lines(never.forbidding("web_t", "init_t", "process", "transition")),
              ElementsAre("more:3 neverallow domain other:process (transition);"));
  EXPECT_THAT(never.forbidding("web_t", "web_t", "process", "fork"), IsEmpty());
  EXPECT_THAT(lines(never.forbidding("web_t", "log_t", "process", "fork")),
              ElementsAre("base:7 neverallow domain notself:process (fork);"));
  EXPECT_THAT(never.forbidding("web_t", "log_t", "process", "transition"), IsEmpty());
}

TEST(Neverallows, RefusesDamagedModulesAndUnknownNames) {
  EXPECT_EQ(error_of([] {
              Neverallows(web(), {{"x", "(a)\n(neverallow a b)"}});
            }),
            "cannot read module 'x': line 2: 'neverallow' with 2 arguments");
  EXPECT_EQ(error_of([] {
              Neverallows(web(), {{"x", "(a"}});
            }),
            "cannot read module 'x': line 1: expected ')' for the '(' of line 1");
  Neverallows none(web(), {});
  EXPECT_EQ(error_of([&] { none.forbidding("x", "web_t", "file", "read"); }), "unknown type 'x'");
}

TEST(Neverallows, BoundsTheNestingOfSets) {
  auto chain = [](size_t sets, const std::string& last) {
    std::string cil;
    for (size_t i = 0; i < sets; ++i) {
      cil += fmt::format("(typeattributeset a{} (a{}))", i, i + 1);
    }
    return cil + fmt::format("(typeattributeset a{} ({}))\n", sets, last) +
           "(neverallow a0 log_t (file (read)))";
  };
  const std::string deep = chain(10'000, "web_t");
  EXPECT_EQ(error_of([&] {
              Neverallows(web(), {{"x", deep}});
            }),
            "cannot read module 'x': line 2: sets nest deeper than 1000");
  const std::string legal = chain(490, "web_t");
  EXPECT_EQ(Neverallows(web(), {{"x", legal}}).forbidding("web_t", "log_t", "file", "read").size(),
            1u);
}

TEST(Neverallows, StandsSetsThatHoldThemselves) {
  Neverallows never(web(), {{"x",
                             "(typeattributeset p (or q web_t))(typeattributeset q (p))"
                             "(neverallow p log_t (file (read)))"}});
  EXPECT_EQ(never.forbidding("web_t", "log_t", "file", "read").size(), 1u);
}

}  // namespace
}  // namespace policy
