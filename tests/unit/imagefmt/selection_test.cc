// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/selection.h"

#include <gtest/gtest.h>

#include <random>

#include "imagefmt/dump.h"
#include "tests/support/temp_dir.h"

namespace imagefmt {
namespace {

using tests::error_of;

struct PatternCase {
  const char* pattern;
  std::vector<std::string> matched, others;  // a trailing '/' makes a folder of a path
};

bool matches(const PathPattern& pattern, std::string path) {
  const bool is_directory = path.ends_with('/');
  if (path.size() > 1 && is_directory) path.pop_back();
  return pattern.matches(path, is_directory);
}

TEST(PathPattern, MatchesAsGitignoreAndRsyncDo) {
  const PatternCase cases[] = {
      {"/etc", {"/etc", "/etc/"}, {"/etc/passwd", "/usr/etc", "/"}},
      {"etc", {"/etc", "/usr/etc"}, {"/etcetera", "/etc/passwd", "/xetc"}},
      {"*.pyc", {"/a.pyc", "/a/b.pyc", "/.pyc"}, {"/a.pyc/b", "/a.py"}},
      {"/*", {"/a", "/.a"}, {"/a/b", "/"}},
      {"b*/c", {"/b/c", "/a/bb/c"}, {"/b/d/c", "/ab/c"}},
      {"/a/**", {"/a/b", "/a/b/c"}, {"/a", "/ab", "/x/a/b"}},
      {"/a/**/b", {"/a/b", "/a/x/b", "/a/x/y/b"}, {"/a/xb", "/ab", "/a/b/c"}},
      {"**/cache/", {"/cache/", "/a/b/cache/"}, {"/cache", "/a/cache"}},
      {"/a**z", {"/az", "/a/b/z", "/abcz"}, {"/a", "/az/y"}},
      {"**", {"/", "/a", "/a/b"}, {}},
      {"/**", {"/", "/a", "/a/b"}, {}},
      {"/", {"/"}, {"/a"}},
      {"*", {"/a", "/a/b"}, {"/"}},
      {"/?", {"/a", "/\xff"}, {"/", "/ab", "/a/b"}},
      {"/[a-cx]", {"/a", "/c", "/x"}, {"/d", "/-"}},
      {"/[!a-c]", {"/d", "/]"}, {"/a"}},
      {"/[]a-]", {"/]", "/a", "/-"}, {"/b"}},
      {"/a[!b]c", {"/axc"}, {"/a/c", "/abc"}},
      {"/\\*\\[", {"/*["}, {"/a["}},
      {"/a*b*c", {"/abc", "/axbbxc", "/abcbc"}, {"/acb", "/ab/c"}},
      {"**/a*/**/b?", {"/a/bx", "/x/ay/z/w/bb", "/a/a/bx"}, {"/a/b", "/b/a", "/xa/bx"}},
      {"/***/b", {"/b", "/a/b"}, {"/ab"}},
  };
  for (const PatternCase& one : cases) {
    const PathPattern pattern(one.pattern);
    for (const std::string& path : one.matched) {
      EXPECT_TRUE(matches(pattern, path)) << one.pattern << ' ' << path;
    }
    for (const std::string& path : one.others) {
      EXPECT_FALSE(matches(pattern, path)) << one.pattern << ' ' << path;
    }
  }
}

/// Says the same by trying everything. `start` is whether a name begins at the text's first byte.
bool matches_slowly(std::string_view glob, std::string_view text, bool start = true) {
  if (glob.empty()) return text.empty();
  if (start && glob.starts_with("**/")) {
    if (matches_slowly(glob.substr(3), text, true)) return true;
    const size_t slash = text.find('/');
    return slash != text.npos && matches_slowly(glob, text.substr(slash + 1), true);
  }
  const bool deep = glob.starts_with("**");
  if (deep || glob[0] == '*') {
    const std::string_view rest = glob.substr(deep ? 2 : 1);
    for (size_t length = 0; length <= text.size(); ++length) {
      if (!deep && length != 0 && text[length - 1] == '/') return false;
      if (matches_slowly(rest, text.substr(length), false)) return true;
    }
    return false;
  }
  return !text.empty() && (text[0] == glob[0] || (glob[0] == '?' && text[0] != '/')) &&
         matches_slowly(glob.substr(1), text.substr(1), glob[0] == '/');
}

TEST(PathPattern, FindsEveryMatch) {
  std::mt19937 dice(4);
  auto random_text = [&](std::string_view alphabet) {
    std::string text;
    for (size_t i = 1 + dice() % 9; i != 0; --i) text += alphabet[dice() % alphabet.size()];
    return text;
  };
  size_t matched = 0, compared = 0;
  for (int i = 0; i < 200000; ++i) {
    const std::string glob = random_text("ab**/?"), text = random_text("aab/");
    if (text.find("//") != text.npos || text.starts_with('/') || text.ends_with('/')) continue;
    if (glob.find("***") != glob.npos || error_of([&] { PathPattern("/" + glob); }) != "(no error)")
      continue;
    if (glob.ends_with('/')) continue;
    ++compared;
    const bool expected = matches_slowly(glob, text);
    matched += expected;
    ASSERT_EQ(PathPattern("/" + glob).matches("/" + text, true), expected) << glob << ' ' << text;
  }
  EXPECT_GT(compared, 20000u);
  EXPECT_GT(matched, 1000u);
}

TEST(PathPattern, TakesTheSquareOfALongPathAtMost) {
  std::string glob = "/", path = "/";
  for (int i = 0; i < 1000; ++i) glob += "**a";
  for (int i = 0; i < 2000; ++i) path += "a/";
  EXPECT_FALSE(PathPattern(glob + "b").matches(path + "c", false));
}

TEST(PathPattern, RefusesWhatMatchesNothing) {
  EXPECT_EQ(error_of([&] { PathPattern(std::string("a\0b", 3)); }),
            "bad pattern: a NUL byte in it");
  const std::pair<std::string, std::string> cases[] = {
      {"", "it is empty"},
      {"//", "an empty name"},
      {"a//b", "an empty name"},
      {"./a", "no path in a tree has '.' or '..' in it"},
      {"/a/../b", "no path in a tree has '.' or '..' in it"},
      {"a\\", "nothing follows the '\\'"},
      {"[a", "a '[' without its ']'"},
      {"[", "a '[' without its ']'"},
      {"[z-a]", "a range from a higher to a lower byte"},
      {"[[:alpha:]]", "there are no classes by name, as '[:…:]'"},
      {std::string(4096, 'a'), "longer than 4095 bytes"},
  };
  for (const auto& [pattern, reason] : cases) {
    EXPECT_EQ(error_of([&pattern = pattern] { PathPattern{pattern}; }),
              "bad pattern '" + pattern + "': " + reason);
  }
}

FileTree sample() {
  FileTree tree;
  for (const char* path : {"/etc/passwd", "/etc/ssh/key", "/usr/bin/sh", "/usr/share/doc/a"}) {
    tree.insert(path, make_regular(Content()));
  }
  tree.insert("/bin", make_symlink("usr/bin"));
  return tree;
}

std::string paths_of(const FileTree& tree) {
  std::string paths;
  walk(tree, [&](const std::string& path, const Node&) { paths += path + ' '; });
  return paths;
}

std::string kept(const std::vector<std::string>& rules) {
  Selection selection;
  for (const std::string& rule : rules) {
    rule.starts_with('+') ? selection.include(rule.substr(1)) : selection.exclude(rule);
  }
  FileTree tree = sample();
  prune(tree, selection);
  return paths_of(tree);
}

TEST(Selection, TheLastRuleThatMatchesHolds) {
  const std::string all =
      "/ /bin /etc /etc/passwd /etc/ssh /etc/ssh/key /usr /usr/bin /usr/bin/sh "
      "/usr/share /usr/share/doc /usr/share/doc/a ";
  EXPECT_EQ(kept({}), all);
  EXPECT_EQ(kept({"+/etc"}), all);
  EXPECT_EQ(kept({"/usr", "etc/*"}), "/ /bin /etc ");
  EXPECT_EQ(kept({"etc/*", "+ssh", "/usr"}), "/ /bin /etc /etc/ssh /etc/ssh/key ");
  EXPECT_EQ(kept({"+ssh", "etc/*", "/usr"}), "/ /bin /etc ");
  EXPECT_EQ(kept({"/*", "+/etc"}), "/ /etc /etc/passwd /etc/ssh /etc/ssh/key ");
  // What is in a folder that is left out stays out.
  EXPECT_EQ(kept({"/etc", "/usr", "+/etc/passwd"}), "/ /bin ");
  EXPECT_EQ(kept({"bin/", "share"}), "/ /bin /etc /etc/passwd /etc/ssh /etc/ssh/key /usr ");
}

TEST(Selection, ReadsPatternsFromLines) {
  Selection selection;
  selection.add_lines("# a comment\n\n/etc/*\r\n!ssh\n\\#odd", "rules");
  EXPECT_FALSE(selection.takes("/etc/passwd", false));
  EXPECT_TRUE(selection.takes("/etc/ssh", true));
  EXPECT_FALSE(selection.takes("/#odd", false));
  EXPECT_TRUE(selection.takes("/odd", false));
  EXPECT_EQ(error_of([&] { selection.add_lines("a\n[\n\n!\n/", "rules"); }),
            "rules:2: bad pattern '[': a '[' without its ']'\n"
            "rules:4: bad pattern '': it is empty\n"
            "rules:5: bad pattern '/': the root cannot be left out");
}

TEST(Owners, EachFieldIsTheLastOneGiven) {
  FileTree tree = sample();
  const std::vector<OwnerRule> rules = {
      parse_owner_rule("**=1:2:"), parse_owner_rule("/etc/**=:3:0640"),
      parse_owner_rule("ssh=4::0700"), parse_owner_rule("/none=1::"),
      parse_owner_rule("bin=::04711")};
  const std::vector<const OwnerRule*> unused = set_owners(tree, rules);
  ASSERT_EQ(unused.size(), 1u);
  EXPECT_EQ(unused[0]->pattern.text(), "/none");
  std::vector<std::string> lines;
  for (const std::string& line : dump(tree)) lines.push_back(line.substr(0, line.rfind("\t0")));
  EXPECT_EQ(lines[0], "/\td\t0755\t1\t2");
  EXPECT_EQ(tree.find("/bin")->mode, 0777);  // a symlink's
  EXPECT_EQ(tree.find("/usr/bin")->mode, 04711);
  EXPECT_EQ(tree.find("/etc/ssh")->mode, 0700);
  EXPECT_EQ(tree.find("/etc/ssh")->uid, 4u);
  EXPECT_EQ(tree.find("/etc/ssh")->gid, 3u);
  EXPECT_EQ(tree.find("/etc/passwd")->mode, 0640);
  EXPECT_EQ(tree.find("/etc/passwd")->uid, 1u);
}

TEST(Owners, RefusesWhatIsNoOwner) {
  const std::pair<const char*, const char*> cases[] = {
      {"/etc", "expected PATTERN=uid:gid:mode"},
      {"/etc=0:0", "expected PATTERN=uid:gid:mode"},
      {"/etc=0:0:0:0", "expected PATTERN=uid:gid:mode"},
      {"/etc=::", "expected PATTERN=uid:gid:mode"},
      {"/etc=root:0:", "uid 'root', expected 0 to 4294967294"},
      {"/etc=0:4294967295:", "gid '4294967295', expected 0 to 4294967294"},
      {"/etc=0:-1:", "gid '-1', expected 0 to 4294967294"},
      {"/etc=::0888", "mode '0888', expected 0 to 7777 in octal"},
      {"/etc=::10000", "mode '10000', expected 0 to 7777 in octal"},
      {"=0:0:", "bad pattern '': it is empty"},
  };
  for (const auto& [text, reason] : cases) {
    EXPECT_EQ(error_of([&text = text] { parse_owner_rule(text); }),
              std::string("bad owner '") + text + "': " + reason);
  }
  EXPECT_EQ(parse_owner_rule("/a=b=1::").pattern.text(), "/a=b");
}

}  // namespace
}  // namespace imagefmt
