// SPDX-License-Identifier: Apache-2.0
#include "policy/label_rules.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace policy {
namespace {

using tests::error_of;

LabelRules parse(std::string text) {
  const NamedText mine[] = {{"mine.rules", std::move(text)}};
  return LabelRules::parse(mine);
}

LabelRule parse_line(const std::string& line) {
  return parse(line + "\n").rules()[0];
}

TEST(LabelRules, ReadEachForm) {
  const LabelRules rules = parse(
      "# a comment\n"
      "\n"
      "any /bin as /usr/bin /usr/sbin   # and one behind\n"
      "\trole  user-units\t/ as /usr/lib/systemd/user\n"
      "name *-openssh-* /c#\\040d -x as /opt/* guess\n"
      "package nginx /bin/nginx -- httpd_exec_t\n"
      "package gtk+3 . -d staff_u:object_r:lib_t:s0:c0.c3,c5\n"
      "any . skeleton guess\n"
      "file .*-wrapped as *\n"
      "any / user_u:object_r:user_t");
  ASSERT_EQ(rules.count_of_user(), 8u);
  const LabelRule& places = rules.rules()[0];
  EXPECT_EQ(places.selects, LabelRule::Selects::kAny);
  EXPECT_EQ(places.inner, "bin");
  EXPECT_EQ(places.places, (std::vector<std::string>{"/usr/bin", "/usr/sbin"}));
  EXPECT_FALSE(places.is_guess || places.is_skeleton || places.is_top || places.labels());
  EXPECT_EQ(places.text, "any /bin as /usr/bin /usr/sbin");
  EXPECT_EQ(rules.place_of(places), "mine.rules:3");

  const LabelRule& role = rules.rules()[1];
  EXPECT_EQ(role.role, StorePathRole::kUserUnits);
  EXPECT_EQ(role.inner, "");
  EXPECT_EQ(role.text, "role user-units / as /usr/lib/systemd/user");

  const LabelRule& name = rules.rules()[2];
  EXPECT_EQ(name.selector, "*-openssh-*");
  EXPECT_EQ(name.inner, "c# d");
  EXPECT_EQ(name.type, FileType::kRegular);
  EXPECT_TRUE(name.is_executable && name.is_guess);
  EXPECT_EQ(name.places, std::vector<std::string>{"/opt/*"});

  const LabelRule& label = rules.rules()[3];
  EXPECT_EQ(label.selects, LabelRule::Selects::kPackage);
  EXPECT_EQ(label.context, "httpd_exec_t");
  EXPECT_EQ(label.type, FileType::kRegular);
  EXPECT_TRUE(label.labels() && !label.is_executable);

  const LabelRule& top = rules.rules()[4];
  EXPECT_TRUE(top.is_top);
  EXPECT_EQ(top.type, FileType::kDirectory);
  EXPECT_EQ(top.context, "staff_u:object_r:lib_t:s0:c0.c3,c5");

  EXPECT_TRUE(rules.rules()[5].is_skeleton && rules.rules()[5].is_guess);
  EXPECT_EQ(rules.rules()[6].selects, LabelRule::Selects::kFile);
  EXPECT_EQ(rules.rules()[6].places, std::vector<std::string>{"*"});
  EXPECT_EQ(rules.place_of(rules.rules()[7]), "mine.rules:10");
}

TEST(LabelRules, OursComeAfterTheUsers) {
  const LabelRules ours, both = parse("package a / b_t\n");
  EXPECT_EQ(ours.count_of_user(), 0u);
  ASSERT_GT(ours.rules().size(), 0u);
  ASSERT_EQ(both.rules().size(), ours.rules().size() + 1);
  EXPECT_EQ(both.count_of_user(), 1u);
  for (const LabelRule& rule : ours.rules()) {
    EXPECT_EQ(rule.text, both.rules()[ours.index_of(rule) + 1].text);
    EXPECT_EQ(ours.place_of(rule), "nixos/store.rules:" + std::to_string(rule.line));
    // A policy that lacks the type would make it an error of every build.
    EXPECT_FALSE(rule.labels()) << rule.text;
  }
}

TEST(LabelRules, LoadNamesTheFile) {
  tests::TempDir folder;
  const std::string file = folder / "mine.rules";
  imagefmt::write_file(file, "any / a_t\n");
  const LabelRules rules = LabelRules::load(file);
  EXPECT_EQ(rules.place_of(rules.rules()[0]), file + ":1");
  EXPECT_EQ(LabelRules::load("").count_of_user(), 0u);
  EXPECT_EQ(error_of([&] { LabelRules::load(folder / "none"); }),
            "cannot open '" + (folder / "none") + "': No such file or directory");
  imagefmt::write_file(file, std::string((1 << 20) + 1, '\n'));
  EXPECT_EQ(error_of([&] { LabelRules::load(file); }),
            "cannot read '" + file + "': larger than 1048576 bytes");
}

TEST(LabelRules, SayWhatIsWrongWithALine) {
  const std::string roles =
      "package toplevel system-path etc etc-entry system-units user-units unit kernel "
      "kernel-modules initrd firmware";
  const std::pair<std::string, std::string> kCases[] = {
      {"pakage nginx / a_t",
       "unknown selector 'pakage': expected one of any role name package "
       "file"},
      {"any", "expected a path in the store path after 'any'"},
      {"role", "expected a role after 'role'"},
      {"role units / a_t", "unknown role 'units': expected one of " + roles},
      {"name", "expected a glob after 'name'"},
      {"name a/b / a_t", "bad glob 'a/b': expected a name, of at most 255 bytes and without '/'"},
      {"name " + std::string(256, 'a') + " / a_t",
       "bad glob '" + std::string(256, 'a') +
           "': expected a name, of at most 255 bytes and without '/'"},
      {"package", "expected a package's name after 'package'"},
      {"package nginx-1.22 / a_t",
       "bad package 'nginx-1.22': expected its name alone, without version, output or '*'"},
      {"package nginx-man / a_t",
       "bad package 'nginx-man': expected its name alone, without version, output or '*'"},
      {"package ngin* / a_t",
       "bad package 'ngin*': expected its name alone, without version, output or '*'"},
      {"package 00000000000000000000000000000000-nginx / a_t", "(no error)"},
      {"any bin a_t", "bad path 'bin': expected it to begin with '/'"},
      {"any /a//b a_t", "bad path '/a//b': a component ''"},
      {"any /a/ a_t", "bad path '/a/': a component ''"},
      {"any /a/./b a_t", "bad path '/a/./b': a component '.'"},
      {"any /a/\\056. a_t", "bad path '/a/\\134056.': a component '..'"},
      {"any /a\\4 a_t",
       "bad path '/a\\1344': expected a byte as \\001 to \\377 after the backslash"},
      {"any /a\\000 a_t",
       "bad path '/a\\134000': expected a byte as \\001 to \\377 after the backslash"},
      {"any /a\\400 a_t",
       "bad path '/a\\134400': expected a byte as \\001 to \\377 after the backslash"},
      {"any /a\\08z a_t",
       "bad path '/a\\13408z': expected a byte as \\001 to \\377 after the backslash"},
      {"any / -y a_t", "unknown file type '-y': expected one of -- -x -d -l -c -b -p -s"},
      {"any /", "expected 'as', 'skeleton' or a context after '/'"},
      {"any / --", "expected 'as', 'skeleton' or a context after '--'"},
      {"any / as", "expected a place after 'as'"},
      {"any / as guess", "bad path 'guess': expected it to begin with '/'"},
      {"any / as usr", "bad path 'usr': expected it to begin with '/'"},
      {"any / as /usr guess /opt", "unexpected '/opt' after 'guess'"},
      {"any / as /1 /2 /3 /4 /5 /6 /7 /8 /9", "more than 8 places"},
      {"any / as /usr/*", "bad place '/usr/*': no glob that its '*' could stand for"},
      {"name nginx / as /usr/*", "bad place '/usr/*': no glob that its '*' could stand for"},
      {"any / skeleton a_t", "unexpected 'a_t' after 'skeleton'"},
      {"any / a_t guess", "unexpected 'guess' after 'a_t'"},
      {"any / <<none>>", "bad context '<<none>>': expected a type, or user:role:type[:range]"},
      {"any / a:b", "bad context 'a:b': expected a type, or user:role:type[:range]"},
      {"any / a::c", "bad context 'a::c': expected a type, or user:role:type[:range]"},
      {"any / a:b:c:", "bad context 'a:b:c:': expected a type, or user:role:type[:range]"},
      {"any / a:b:c:s0;s1",
       "bad context 'a:b:c:s0;s1': expected a type, or user:role:type[:range]"},
      {"any / a\xc3\xa9", "bad context 'a\\303\\251': expected a type, or user:role:type[:range]"},
      {"file", "expected a glob after 'file'"},
      {"file .*-wrapped", "expected 'as' after '.*-wrapped'"},
      {"file .*-wrapped as", "expected a file's name after 'as'"},
      {"file .*-wrapped as /*", "bad name '/*': expected no '/'"},
      {"file wrapped as *", "bad place '*': no glob that its '*' could stand for"},
      {"file .*-wrapped as * guess", "unexpected 'guess' after '*'"},
      {std::string("any /\0 a_t", 10), "a NUL byte"},
      {"any /\x1b[2J as", "expected a place after 'as'"},
      {"any /" + std::string(8192, 'a') + " a_t", "longer than 8192 bytes"},
  };
  for (const auto& [line, expected] : kCases) {
    EXPECT_EQ(error_of([&, text = line] { parse_line(text); }),
              expected == "(no error)" ? expected : "cannot read 'mine.rules' line 1: " + expected)
        << line;
  }
}

TEST(LabelRules, ReportAllMistakesAtOnce) {
  EXPECT_EQ(error_of([] { parse("any / a_t\nany\nany /b b_t\nrole\n"); }),
            "cannot read 'mine.rules' line 2: expected a path in the store path after 'any'\n"
            "cannot read 'mine.rules' line 4: expected a role after 'role'");
  std::string many;
  for (size_t i = 0; i < kMaxLabelRules; ++i) many += fmt::format("any /{} a_t\n", i);
  EXPECT_EQ(error_of([&] { parse(many); }), "(no error)");
  EXPECT_EQ(error_of([&] { parse(many + "any / a_t\nany / b_t\n"); }),
            "cannot read 'mine.rules' line 4097: more than 4096 rules");
}

TEST(LabelRules, SelectStorePaths) {
  const StorePath nginx = {"0-nginx-1.22.1", StorePathRole::kPackage};
  const StorePath unit = {"0-unit-nginx.service", StorePathRole::kUnit};
  EXPECT_TRUE(selects(parse_line("any / a_t"), unit));
  EXPECT_TRUE(selects(parse_line("role unit / a_t"), unit));
  EXPECT_FALSE(selects(parse_line("role unit / a_t"), nginx));
  EXPECT_TRUE(selects(parse_line("role package / a_t"), nginx));
  EXPECT_TRUE(selects(parse_line("name unit-* / a_t"), unit));
  EXPECT_TRUE(selects(parse_line("name *nginx* / a_t"), unit));
  EXPECT_FALSE(selects(parse_line("name nginx / a_t"), nginx));
  EXPECT_FALSE(selects(parse_line("name 0-* / a_t"), nginx));  // a hash is no name
  EXPECT_TRUE(selects(parse_line("package nginx / a_t"), nginx));
  EXPECT_FALSE(selects(parse_line("package nginx / a_t"), unit));
}

TEST(LabelRules, FitWhatLiesInAStorePath) {
  auto fit = [](const std::string& what, std::string_view inner, FileType type = FileType::kRegular,
                bool is_executable = false) {
    return fits(parse_line("any " + what + " a_t"), inner, type, is_executable);
  };
  EXPECT_TRUE(fit("/", "bin"));
  EXPECT_TRUE(fit("/", "bin/x"));
  EXPECT_FALSE(fit("/", ""));
  EXPECT_TRUE(fit(".", ""));
  EXPECT_FALSE(fit(".", "bin"));
  EXPECT_TRUE(fit("/bin", "bin"));
  EXPECT_TRUE(fit("/bin", "bin/sub/x"));
  EXPECT_FALSE(fit("/bin", "binx"));
  EXPECT_FALSE(fit("/bin", "bi"));
  EXPECT_FALSE(fit("/bin", "sbin/bin"));
  EXPECT_FALSE(fit("/bin", ""));
  EXPECT_TRUE(fit("/ --", "x"));
  EXPECT_FALSE(fit("/ -d", "x"));
  EXPECT_TRUE(fit("/ -d", "x", FileType::kDirectory));
  EXPECT_FALSE(fit("/ -x", "x"));
  EXPECT_TRUE(fit("/ -x", "x", FileType::kRegular, true));
  EXPECT_FALSE(fit("/ -x", "x", FileType::kDirectory, true));
  EXPECT_TRUE(fit("/ --", "x", FileType::kRegular, true));
}

TEST(LabelRules, MatchGlobs) {
  struct Case {
    std::string_view glob, text;
    std::optional<std::string_view> star;
  };
  const Case kCases[] = {
      {"a", "a", ""},
      {"a", "b", std::nullopt},
      {"", "", ""},
      {"*", "abc", "abc"},
      {"*", "", ""},
      {"a*", "abc", "bc"},
      {"*c", "abc", "ab"},
      {"a*c", "abc", "b"},
      {"a*c", "ac", ""},
      {"ab*bc", "abc", std::nullopt},
      {"*-openssh-*", "my-openssh-openssh-9", "my"},
      {"*-openssh-*", "openssh-9", std::nullopt},
      {"a*b*c", "axbybzc", "x"},
      {"a*b*bc", "abc", std::nullopt},
      {"**", "ab", ""},
      {"?.[a]", "?.[a]", ""},
      {"?", "a", std::nullopt},
  };
  for (const Case& c : kCases) EXPECT_EQ(match_glob(c.glob, c.text), c.star) << c.glob << c.text;
}

TEST(PackageName, IsWithoutVersionAndOutput) {
  const std::pair<const char*, const char*> kCases[] = {
      {"nginx-1.22.1-9+deb12u11", "nginx"},
      {"openssh-9.6p1-man", "openssh"},
      {"glibc-2.39-52-bin", "glibc"},
      {"linux-pam-1.6.1", "linux-pam"},
      {"nginx-evil", "nginx-evil"},
      {"evil-nginx-1", "evil-nginx"},
      {"nginx-evil-1.22.1", "nginx-evil"},
      {"config-doc", "config"},
      {"config-man-doc", "config-man"},
      {"gtk+3-3.24", "gtk+3"},
      {"python3.11-foo-1", "python3.11-foo"},
      {"nginx-", "nginx-"},
      {"x--y", "x"},
      {"nginx", "nginx"},
      {"", ""},
  };
  for (const auto& [name, package] : kCases) EXPECT_EQ(package_name(name), package) << name;
  EXPECT_EQ(derivation_name("0abc-nginx-1.22"), "nginx-1.22");
}

}  // namespace
}  // namespace policy
