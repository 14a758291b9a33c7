// SPDX-License-Identifier: Apache-2.0
#include "policy/access_holders.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/policy/web_policy.h"

namespace policy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

PolicyRules web(const std::string& more = "") {
  return PolicyRules::from_image(
      tests::compile_small_policy(tests::web_policy_cil() + more, 33).binary, "web");
}

/// `ACTION CLASS PERMISSIONS: TYPES; ATTRIBUTES; OTHERS`.
std::vector<std::string> holders(const PolicyRules& rules, const char* type, FileType file_type) {
  std::vector<std::string> lines;
  for (const AccessHolders& one : find_access_holders(rules, type, file_type)) {
    std::string attributes;
    for (const auto& attribute : one.attributes) {
      attributes += fmt::format(" {}={}", attribute.name, attribute.types);
    }
    lines.push_back(fmt::format("{} {} {}: {};{}; {}", one.action, one.object_class,
                                fmt::join(one.permissions, "+"), fmt::join(one.types, " "),
                                attributes, fmt::join(one.others, " ")));
  }
  return lines;
}

TEST(AccessHolders, AreThoseOfEachAction) {
  const PolicyRules rules = web();
  EXPECT_THAT(holders(rules, "web_exec_t", FileType::kRegular),
              ElementsAre("read file open+read: init_t;; init_t", "write file open+write: ;; ",
                          "execute file execute: init_t;; init_t"));
  EXPECT_THAT(holders(rules, "log_t", FileType::kRegular),
              ElementsAre("read file open+read: ;; ", "write file open+write: web_t;; web_t",
                          "execute file execute: ;; "));
}

TEST(AccessHolders, DependOnTheFileType) {
  // Of its classes this policy gives chr_file no permission to read.
  const PolicyRules rules = web("(allow init_t log_t (dir (open read)))");
  EXPECT_THAT(
      holders(rules, "log_t", FileType::kDirectory),
      ElementsAre("search dir search: web_t;; web_t", "read dir open+read: init_t;; init_t"));
  EXPECT_THAT(holders(rules, "log_t", FileType::kCharacter), IsEmpty());
  EXPECT_THAT(holders(rules, "log_t", FileType::kSymlink), IsEmpty());
}

TEST(AccessHolders, AreNamedByAttributesOfTheRules) {
  const PolicyRules rules = web(R"(
(typeattribute pair) (typeattributeset pair (web_t job_t))
(typeattribute unused) (typeattributeset unused (init_t shell_t web_t job_t alone_t))
(expandtypeattribute (pair unused) false)
(allow domain log_t (file (open read)))
(allow pair log_t (file (open read)))
(allow alone_t log_t (file (open read)))
(allow unused log_t (file (getattr)))
(allow exec_type log_t (file (read)))
(allow pair log_t (file (execute))))");
  EXPECT_THAT(
      holders(rules, "log_t", FileType::kRegular),
      ElementsAre("read file open+read: alone_t init_t job_t shell_t web_t; domain=4; alone_t",
                  "write file open+write: web_t;; web_t",
                  "execute file execute: job_t web_t; pair=2; "));
}

TEST(DomainWays, HaveTheRulesThatTheyStandOn) {
  const PolicyRules rules = web();
  std::vector<std::string> lines;
  for (const DomainWay& way : find_domain_ways(rules, "web_exec_t")) {
    lines.push_back(fmt::format("{} -> {}: {} missing; {}", way.entry.source, way.entry.domain,
                                way.entry.missing.size(), fmt::join(way.allows, " ")));
  }
  EXPECT_THAT(
      lines,
      ElementsAre("init_t -> web_t: 0 missing; allow init_t web_exec_t:file { execute getattr open "
                  "read }; allow init_t web_t:process transition; allow web_t web_exec_t:file "
                  "entrypoint;",
                  "shell_t -> web_t: 2 missing; allow shell_t exec_type:file read; allow web_t "
                  "web_exec_t:file entrypoint;"));
  const std::vector<DomainWay> job = find_domain_ways(rules, "job_exec_t");
  ASSERT_EQ(job.size(), 1u);
  EXPECT_FALSE(job[0].entry.active);
  EXPECT_THAT(job[0].allows, ElementsAre("allow job_t job_exec_t:file entrypoint;"))
      << "what a boolean switches off gives nothing";
}

}  // namespace
}  // namespace policy
