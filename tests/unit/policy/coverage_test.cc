// SPDX-License-Identifier: Apache-2.0
#include "policy/coverage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policy {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::make_regular;
using testing::ElementsAre;
using testing::Pair;

FileContexts contexts(const std::string& text, const std::string& substitutions = "") {
  return FileContexts::parse({{{"fc", text}}, {{"subs", substitutions}}});
}

std::vector<std::string> catch_alls(const FileContexts& rules) {
  std::vector<std::string> patterns;
  const std::vector<bool> found = find_catch_alls(rules);
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]) patterns.push_back(rules.rules()[i].pattern);
  }
  return patterns;
}

TEST(Coverage, FindsCatchAllsByWhatTheyAnswer) {
  EXPECT_THAT(catch_alls(contexts("/.*  a\n"
                                  "/usr/.*  a\n"
                                  "/usr/(.*/)?lib(/.*)?  a\n"
                                  "/usr/(.*/)?sbin/[^/]+  --  a\n"
                                  "/usr/share/man(/.*)?  a\n"
                                  "/etc/ssh/.*  a\n"
                                  "/etc/[a-z]+  a\n"
                                  "/srv/.*  <<none>>\n"
                                  "/etc  -d  a\n")),
              ElementsAre("/.*", "/usr/.*", "/usr/(.*/)?lib(/.*)?", "/usr/(.*/)?sbin/[^/]+"));
}

TEST(Coverage, AsksAtThePlaceThatASubstitutionLeadsTo) {
  EXPECT_THAT(catch_alls(contexts("/moved/bin/.*  a\n", "/usr/bin /moved/bin\n")),
              ElementsAre("/moved/bin/.*"));
}

TEST(Coverage, CountsEachInodeOnce) {
  LabelInput input;
  input.contexts = contexts(
      "/.*  -d  x\n/  -d  root_t\n/usr(/.*)?  usr_t\n/usr/bin/sh  --  shell_t\n"
      "/proc  -d  <<none>>\n/nix(/.*)?  store_t\n/etc/passwd  --  etc_t\n");
  FileTree tree;
  for (const char* path : {"/usr/bin/sh", "/usr/bin/vi", "/usr/lib/libc.so"}) {
    tree.insert(path, make_regular(Content::from_bytes("x"), 0555));
  }
  tree.insert("/proc", make_directory());
  imagefmt::SilentReporter reporter;
  const LabelReport labels = label(tree, input, reporter);

  const Coverage coverage = measure_coverage(tree, input);
  EXPECT_EQ(coverage.inodes, labels.inodes);
  EXPECT_EQ(coverage.by_label, labels.by_context);
  EXPECT_THAT(coverage.by_label,
              ElementsAre(Pair("root_t", 2), Pair("shell_t", 1), Pair("usr_t", 5)));
  EXPECT_THAT(coverage.by_rule, ElementsAre(0, 1, 5, 1, 1, 0, 0));
  std::vector<std::string> caught;
  for (const Coverage::CaughtPath& path : coverage.caught) caught.push_back(path.path);
  EXPECT_THAT(caught,
              ElementsAre("/usr", "/usr/bin", "/usr/bin/vi", "/usr/lib", "/usr/lib/libc.so"));
}

TEST(Coverage, CountsWhatALabelRuleLabels) {
  LabelInput input;
  input.contexts = contexts("/  -d  u:r:root_t\n/nix(/.*)?  u:r:store_t\n/usr(/.*)?  u:r:usr_t\n");
  const std::vector<NamedText> rules = {{"mine", "package web /bin/web u:r:web_exec_t\n"}};
  input.label_rules = LabelRules::parse(rules);
  const std::string base = std::string(32, 'a') + "-web-1.0";
  input.store_paths = {{base, StorePathRole::kPackage}};
  FileTree tree;
  tree.insert("/nix/store/" + base + "/bin/web", make_regular(Content::from_bytes("x"), 0555));
  imagefmt::SilentReporter reporter;
  label(tree, input, reporter);
  const Coverage coverage = measure_coverage(tree, input);
  EXPECT_EQ(coverage.by_label.at("u:r:web_exec_t"), 1);
  ASSERT_GT(coverage.by_label_rule.size(), 1);
  EXPECT_EQ(coverage.by_label_rule[0], 1);
}

}  // namespace
}  // namespace policy
