// SPDX-License-Identifier: Apache-2.0
#include "policy/contexts.h"

#include <gtest/gtest.h>

#include <thread>

#include "imagefmt/base/file.h"
#include "policy/pattern.h"
#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using tests::error_of;

FileContexts rules(std::string text, std::vector<std::string> subs = {},
                   Contradictions contradictions = Contradictions::kRefuse) {
  FileContextsText all{{{"fc", std::move(text)}}, {}};
  for (std::string& sub : subs) {
    all.substitutions.push_back({"subs" + std::to_string(all.substitutions.size()), sub});
  }
  return FileContexts::parse(all, contradictions);
}

std::string look_up(const FileContexts& contexts, std::string_view path,
                    FileType type = FileType::kAny) {
  const ContextRule* rule = contexts.lookup(path, type);
  return rule ? std::string(rule->context.text()) : "no match";
}

TEST(FileContexts, TakesTheLastRuleThatFits) {
  FileContexts contexts = rules(
      "# a comment\n\n"
      "/.*\tdefault\n"
      "/usr/.*  usr\n"
      "\t/usr/bin/.*  --  bin  # what follows three fields is not read\r\n"
      "/usr/b.*  -d  b\n"
      "/tmp/.*  <<none>>");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x", FileType::kRegular), "bin");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x", FileType::kDirectory), "b");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x", FileType::kSymlink), "usr");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x"), "b");
  EXPECT_EQ(look_up(contexts, "/usr"), "default");
  EXPECT_EQ(look_up(contexts, "x"), "no match");
  EXPECT_EQ(look_up(contexts, ""), "no match");
  EXPECT_EQ(look_up(contexts, "/tmp/x"), "<<none>>");
  EXPECT_TRUE(contexts.lookup("/tmp/x", FileType::kAny)->is_none());
  const ContextRule* rule = contexts.lookup("/usr/bin/x", FileType::kRegular);
  EXPECT_EQ(contexts.place_of(*rule), "fc:5");
  EXPECT_EQ(contexts.index_of(*rule), 2u);
  EXPECT_EQ(rule->prefix_bytes, 9u);
}

TEST(FileContexts, ListsAllThatMatchTheBestFirst) {
  FileContexts contexts = rules(
      "/usr/.*  usr\n"
      "/usr/bin/x  --  plain\n"
      "/u.*/x  open\n"
      "/usr/bin/x  -d  folder\n"
      "/usr/bin/(?=x).  pcre\n"
      "/us/r/bin/x  other\n"
      "/.*/x  <<none>>\n",
      {"/bin /usr/bin\n"});
  auto names = [&](std::string_view path) {
    std::string text;
    for (const ContextRule* rule : contexts.matches(path)) {
      text += (text.empty() ? "" : " ") + std::string(rule->context.text());
    }
    return text;
  };
  EXPECT_EQ(names("/usr/bin/x"), "folder plain <<none>> pcre open usr");
  EXPECT_EQ(names("//bin/x/"), "folder plain <<none>> pcre open usr") << "the path is cleaned";
  EXPECT_EQ(names("/usr/bin/x\n"), "folder plain <<none>> pcre open usr")
      << "PCRE2's $ holds before a newline at the end";
  EXPECT_EQ(names("/usr/y"), "usr");
  EXPECT_EQ(names("/opt"), "");
  EXPECT_EQ(names(""), "");
  EXPECT_TRUE(FileContexts().matches("/usr").empty());
}

TEST(FileContexts, PrefersPlainTextToAnyRegularExpression) {
  FileContexts contexts = rules(
      "/usr/bin/x\\.y  --  plain\n"
      "/usr/bin/x.y  regex\n"
      "/usr/.*  usr\n"
      "/usr/bin/z  -d  first\n"
      "/usr/bin/z  -l  second\n");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x.y", FileType::kRegular), "plain");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x.y", FileType::kSymlink), "usr");
  EXPECT_EQ(look_up(contexts, "/usr/bin/z", FileType::kDirectory), "first");
  EXPECT_EQ(look_up(contexts, "/usr/bin/z", FileType::kRegular), "usr");
  EXPECT_EQ(look_up(contexts, "/usr/bin/z"), "second");
}

TEST(FileContexts, AnchorsWithoutGrouping) {
  FileContexts contexts = rules("/a|/b  alternative\n");
  for (const char* path : {"/a", "/axyz", "/b", "/x/b", "/xyz/b"}) {
    EXPECT_EQ(look_up(contexts, path), "alternative") << path;
  }
  EXPECT_EQ(look_up(contexts, "/bx"), "no match");
  EXPECT_EQ(look_up(contexts, "/x/a"), "no match");
}

TEST(FileContexts, CleansSlashes) {
  FileContexts contexts = rules("/a/b  ab\n/  root\n");
  for (const char* path : {"//a/b", "/a//b", "/a/b/", "///a////b//"}) {
    EXPECT_EQ(look_up(contexts, path), "ab") << path;
  }
  EXPECT_EQ(look_up(contexts, "//"), "root");
  EXPECT_EQ(look_up(contexts, std::string_view("/a/b\0/c", 7)), "ab");
}

TEST(FileContexts, SubstitutesOnceAFile) {
  FileContexts contexts = rules("/usr/lib/x  lib\n/var/lock/x  lock\n/x  x\n/run/lock/x  run\n",
                                {"# comment\n /alias /var/run\n/lib\t/lost\n/lib /usr/lib extra\n",
                                 "/var/run /run\n/run/lock /var/lock\n/root /\n/alone\n"});
  EXPECT_EQ(look_up(contexts, "/lib/x"), "lib");  // of two aliases, the later
  EXPECT_EQ(contexts.substituted("/library/x"), "/library/x");
  EXPECT_EQ(contexts.substituted("/alias//x/"), "/run/x");
  EXPECT_EQ(look_up(contexts, "/var/run/lock/x"), "run");  // not twice by one file
  EXPECT_EQ(look_up(contexts, "/run/lock/x"), "lock");
  EXPECT_EQ(look_up(contexts, "/root/x"), "x");
  EXPECT_EQ(contexts.substituted("/root"), "/");
}

TEST(FileContexts, TriesARuleBelowItsOwnFirstComponentOnly) {
  FileContexts contexts = rules("/usr/lib/x|y  stem\n/u.r/bin/x|z  none\n");
  EXPECT_EQ(look_up(contexts, "/usr/any/y"), "stem");
  EXPECT_EQ(look_up(contexts, "/opt/any/y"), "no match");
  EXPECT_EQ(look_up(contexts, "/opt/any/z"), "none");
}

TEST(FileContexts, MatchesAsLibselinux34WhereVersionsDiffer) {
  FileContexts contexts = rules(
      "/plain/a\\d  digit\n/plain/.*  any\n"
      "/a\\-b/c  escaped\n"
      "/usr/lib/x|y  wide\n");
  EXPECT_EQ(look_up(contexts, "/plain/a7"), "digit");
  EXPECT_EQ(look_up(contexts, "/a-b/c"), "no match");
  EXPECT_EQ(look_up(contexts, "/usr/bin/y"), "wide");
}

TEST(FileContexts, TakesBytesAsBytes) {
  FileContexts contexts = rules("/a/[\\xc3]\\xa9  exact\n/a/[^b]  byte\n/b/x[\\x20]y  blank\n");
  EXPECT_EQ(look_up(contexts, "/a/\xc3\xa9"), "exact");
  EXPECT_EQ(look_up(contexts, "/a/\xff"), "byte");
  EXPECT_EQ(look_up(contexts, "/a/\n"), "byte");
  EXPECT_EQ(look_up(contexts, "/b/x y"), "blank");
  // PCRE2's `$` holds before a newline that ends the subject.
  EXPECT_EQ(look_up(contexts, "/b/x y\n"), "blank");
  EXPECT_EQ(look_up(contexts, "/b/x y\n\n"), "no match");
}

TEST(FileContexts, LeavesToPcreWhatOnlyPcreKnows) {
  FileContexts contexts = rules(
      "/usr/.*  usr\n"
      "/usr/(?!lib).*/x  ahead\n"
      "/usr/(a|b)\\1  -d  back\n"
      "/usr/lib/.*  lib\n");
  EXPECT_EQ(look_up(contexts, "/usr/bin/x"), "ahead");
  EXPECT_EQ(look_up(contexts, "/usr/lib/x"), "lib");
  EXPECT_EQ(look_up(contexts, "/usr/aa", FileType::kDirectory), "back");
  EXPECT_EQ(look_up(contexts, "/usr/ab", FileType::kDirectory), "usr");
  EXPECT_EQ(look_up(contexts, "/usr/aa", FileType::kRegular), "usr");
}

TEST(FileContexts, AnswersWhenTheAutomatonWouldBeTooLarge) {
  std::string text;
  for (int i = 0; i < 1200; ++i) {
    text +=
        "/a/" + std::to_string(i) + "([^/]{200}|x[0-9]{200}){1,2}  c" + std::to_string(i) + '\n';
  }
  FileContexts contexts = rules(text);
  EXPECT_EQ(look_up(contexts, "/a/7" + std::string(199, '_')), "no match");
  EXPECT_EQ(look_up(contexts, "/a/7" + std::string(200, '_')), "c7");
  EXPECT_EQ(look_up(contexts, "/a/1199x" + std::string(200, '5')), "c1199");
}

TEST(FileContexts, ThrowsWherePcreGivesUp) {
  FileContexts contexts = rules("/(?=(a+)+$)b  never\n/x  x\n");
  std::string path = "/" + std::string(40, 'a') + "b";
  EXPECT_EQ(error_of([&] { contexts.lookup(path, FileType::kAny); }),
            "cannot match '" + path + "' against '/(?=(a+)+$)b': match limit exceeded");
  EXPECT_EQ(look_up(contexts, "/x"), "x");
}

TEST(FileContexts, ReportsAllMistakesAtOnce) {
  EXPECT_EQ(
      error_of([] {
        rules(
            "/ok  c\n"
            "/missing\n"
            "/type  -x  c\n"
            "/caf\xc3\xa9  c\n"
            "/open(  c\n"
            "/lone)  c\n"
            "/x{2,1}  c\n"
            "/a**  c\n"
            "/same  c\n"
            "/same  --  d\n");
      }),
      "cannot read 'fc' line 2: expected a context after '/missing'\n"
      "cannot read 'fc' line 3: expected a file type (-- -d -l -c -b -p -s), found '-x'\n"
      "cannot read 'fc' line 4: a byte outside ASCII, which libselinux refuses: write it as "
      "[\\xhh]\n"
      "cannot read 'fc' line 10: '/same' has another context, 'c', in line 9\n"
      "cannot read 'fc' line 5: bad pattern '/open(': missing closing parenthesis (byte 7)\n"
      "cannot read 'fc' line 6: bad pattern '/lone)': unmatched closing parenthesis (byte 5)\n"
      "cannot read 'fc' line 7: bad pattern '/x{2,1}': numbers out of order in {} quantifier (byte "
      "6)\n"
      "cannot read 'fc' line 8: bad pattern '/a**': quantifier does not follow a repeatable item "
      "(byte 3)");
  EXPECT_EQ(error_of([] { rules(std::string("/a\0b c\n", 7)); }),
            "cannot read 'fc' line 1: a NUL byte");
  EXPECT_EQ(error_of([] { rules("/a c\n", {"/x /y\n/long " + std::string(1022, 'y') + "\n"}); }),
            "cannot read 'subs0' line 2: longer than 1021 bytes");
}

TEST(FileContexts, TellsDoublesAndContradictions) {
  FileContexts doubled = rules("/a  c\n/b c\n/a  -d  c\n");
  EXPECT_EQ(doubled.warnings(),
            std::vector<std::string>{"fc:3: '/a' has this context already in line 1"});
  FileContexts last = rules("/a  -d  c\n/a  -d  d\n/a  -l  e\n", {}, Contradictions::kLastWins);
  EXPECT_EQ(last.warnings(),
            std::vector<std::string>{"fc:2: '/a' has another context, 'c', in line 1"});
  EXPECT_EQ(look_up(last, "/a", FileType::kDirectory), "d");
}

TEST(FileContexts, LoadsWhatLiesBesideTheFile) {
  tests::TempDir folder;
  std::string path = folder / "file_contexts";
  imagefmt::write_file(path, "/.*  main\n/local  plain\n");
  imagefmt::write_file(path + ".homedirs", "/home/.*  home\n/both/.*  home\n");
  imagefmt::write_file(path + ".local", "/both/.*  local\n");
  imagefmt::write_file(path + ".subs", "/one /two\n");
  imagefmt::write_file(path + ".subs_dist", "/two /three\n/three /four\n");
  imagefmt::write_file(folder / "more", "/three /home\n");
  const std::vector<std::string> more = {path + ".subs_dist", folder / "more"};
  FileContexts contexts = FileContexts::load(path, more);
  EXPECT_EQ(look_up(contexts, "/home/x"), "home");
  EXPECT_EQ(look_up(contexts, "/both/x"), "local");
  EXPECT_EQ(contexts.substituted("/one/x"), "/home/x");
  EXPECT_EQ(contexts.files(),
            (std::vector<std::string>{path, path + ".homedirs", path + ".local"}));
  EXPECT_EQ(error_of([&] { FileContexts::load(folder / "none"); }),
            "cannot open '" + folder / "none" + "': No such file or directory");
}

TEST(FileContexts, AnswersOnSeveralThreads) {
  std::string text = "/.*  any\n";
  for (int i = 0; i < 300; ++i) {
    text += "/usr/(.*/)?name" + std::to_string(i) + "(/.*)?  c" + std::to_string(i) + '\n';
  }
  FileContexts contexts = rules(text + "/usr/look(?=a).*  ahead\n");
  std::vector<size_t> wrong(4);
  {
    std::vector<std::jthread> threads;
    for (size_t thread = 0; thread < wrong.size(); ++thread) {
      threads.emplace_back([&, thread] {
        for (size_t i = 0; i < 3000; ++i) {
          std::string name = std::to_string((i * 7 + thread) % 300);
          wrong[thread] += look_up(contexts, "/usr/lib/name" + name + "/x") != "c" + name;
          wrong[thread] += look_up(contexts, "/usr/name" + name + "x\n") != "any";
          wrong[thread] += look_up(contexts, "/usr/looka") != "ahead";
        }
      });
    }
  }
  EXPECT_EQ(wrong, std::vector<size_t>(4));
}

TEST(Pattern, FindsTheLiteralPrefixAsLibselinuxDoes) {
  EXPECT_TRUE(literal_prefix("/a\\.b)]}").is_literal);
  EXPECT_FALSE(literal_prefix("/a[b]").is_literal);
  EXPECT_EQ(literal_prefix("/a\\.b.c").prefix_bytes, 5u);
  EXPECT_EQ(rule_stem("/usr/bin"), "/usr");
  EXPECT_EQ(rule_stem("/us.r/bin"), "");
  EXPECT_EQ(rule_stem("/usr"), "");
}

TEST(Pattern, TranslatesAndRefuses) {
  auto re2 = [](std::string_view pattern) {
    std::optional<TranslatedPattern> translated = translate_pattern(pattern);
    return translated ? translated->re2 : "(not translated)";
  };
  EXPECT_EQ(re2("/a\\.b"), "/a\\x2eb");
  EXPECT_EQ(re2("/(x)?.*?"), "/(?:x)?[\\x00-\\xff]*");
  EXPECT_EQ(re2("[]a-c]+"), "[\\x5d-\\x5d\\x61-\\x63]+");
  EXPECT_EQ(re2("[^/]"), "[\\x00-\\x2e\\x30-\\xff]");
  EXPECT_EQ(re2("^a$|b|^c"), "a|[\\x00-\\xff]*b[\\x00-\\xff]*|c");
  EXPECT_EQ(translate_pattern("/a[\\x20]b$")->only_string, "/a b");
  for (const char* pattern :
       {"a$b", "(^a)", "(?=a)", "(a)\\1", "a{,2}", "a*+", "a**", "\\h", "\\Qa\\E", "[a-\\d]",
        "[[:<:]]", "a{300}", "(*FAIL)", "[", "a)", "\\"}) {
    EXPECT_EQ(re2(pattern), "(not translated)") << pattern;
  }
}

}  // namespace
}  // namespace policy
