// SPDX-License-Identifier: Apache-2.0
#include "builder/unit_file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;
using Lines = std::vector<std::string>;

Lines read(std::string_view text) {
  const UnitFile file = parse_unit_file(text);
  Lines lines;
  for (const Assignment& a : file.assignments) {
    lines.push_back(fmt::format("{}:[{}] {}={}", a.line, a.section, a.key, a.value));
  }
  if (!file.fault.empty()) lines.push_back(file.fault);
  return lines;
}

TEST(UnitFile, IsReadAsSystemdSays) {
  // systemd.syntax(7)
  EXPECT_THAT(read("[Section A]\n"
                   "KeyOne=value 1\n"
                   "KeyTwo=value 2\n"
                   "\n"
                   "# a comment\n"
                   "\n"
                   "[Section B]\n"
                   "Setting=\"something\" \"some thing\" \"…\"\n"
                   "KeyTwo=value 2 \\\n"
                   "       value 2 continued\n"
                   "\n"
                   "[Section C]\n"
                   "KeyThree=value 3\\\n"
                   "# this line is ignored\n"
                   "; this line is ignored too\n"
                   "       value 3 continued\n"),
              ElementsAre("2:[Section A] KeyOne=value 1", "3:[Section A] KeyTwo=value 2",
                          "8:[Section B] Setting=\"something\" \"some thing\" \"…\"",
                          "10:[Section B] KeyTwo=value 2         value 2 continued",
                          "16:[Section C] KeyThree=value 3        value 3 continued"));
}

TEST(UnitFile, LeavesOutWhatSystemdWarnsOf) {
  EXPECT_THAT(read("Early=1\n[S]\nno assignment\n=no key\n A = b = c \n"),
              ElementsAre("5:[S] A=b = c"));
}

TEST(UnitFile, EndsLinesAsSystemdDoes) {
  EXPECT_THAT(read(std::string_view("\xef\xbb\xbf[S]\r\nA=1 \\\r\n2\rB=3\0C=4", 25)),
              ElementsAre("3:[S] A=1  2", "4:[S] B=3", "5:[S] C=4"));
  EXPECT_THAT(read("[S]\nA=\\\\\nB=\\\\\\\n2\nC=end\\"),
              ElementsAre("2:[S] A=\\\\", "4:[S] B=\\\\ 2", "5:[S] C=end"));
}

TEST(UnitFile, StopsWhereSystemdStops) {
  EXPECT_THAT(read("[S]\nA=1\n[T\nB=2\n"),
              ElementsAre("2:[S] A=1", "line 3: malformed section header"));
  EXPECT_THAT(read("[S\"]\n"), ElementsAre("line 1: bad characters in section header"));
  for (const char* text :
       {"A=\xff", "A=\xc0\x80", "A=\xed\xa0\x80", "A=\xf4\x90\x80\x80", "A=\xe2\x82"}) {
    EXPECT_THAT(read(std::string("[S]\n") + text), ElementsAre("line 2: not UTF-8")) << text;
  }
  EXPECT_THAT(read("[S]\nA=" + std::string(1 << 20, 'x')), ElementsAre("line 2: too long a line"));
  std::string endless = "[S]\n";
  for (int i = 0; i < 20; ++i) endless += std::string(1 << 16, 'x') + "\\\n";
  EXPECT_THAT(read(endless), ElementsAre("line 17: too long a line"));
}

Lines words(std::string_view text) {
  Lines all;
  while (std::optional<std::string> word = take_word(text)) all.push_back(*word);
  return all;
}

TEST(UnitFile, SplitsWords) {
  EXPECT_THAT(words("  a \"b c\" 'd \" e' f\"g h\"i \"\" "),
              ElementsAre("a", "b c", "d \" e", "fg hi", ""));
  EXPECT_THAT(words(R"(\x41\102\u00e9\U0001f600 a\sb \t 'x\'y' \\)"),
              ElementsAre("AB\xc3\xa9\xf0\x9f\x98\x80", "a b", "\t", "x'y", "\\"));
  // What systemd does not know, or may not be, stays as it is.
  EXPECT_THAT(words(R"(\q \x4 \000 \400 \U00110000 end\)"),
              ElementsAre("\\q", "\\x4", "\\000", "\\400", "\\U00110000", "end\\"));
  EXPECT_EQ(error_of([] { words("a \"b"); }), "unbalanced quoting");
  EXPECT_EQ(error_of([] { words("'b\\"); }), "unbalanced quoting");
}

Lines commands(std::string_view value) {
  Lines lines;
  for (const ExecCommand& command : parse_exec(value)) {
    lines.push_back(fmt::format("{}{}{}({})", command.ignores_failure ? "-" : "",
                                command.privileged ? "+" : "", command.program,
                                fmt::join(command.arguments, "|")));
  }
  return lines;
}

TEST(UnitFile, ReadsCommands) {
  // systemd.service(5), "COMMAND LINES"
  EXPECT_THAT(commands("echo one ; echo \"two two\""), ElementsAre("echo(one)", "echo(two two)"));
  EXPECT_THAT(commands(R"(echo / >/dev/null & \; ls)"), ElementsAre("echo(/|>/dev/null|&|;|ls)"));
  EXPECT_THAT(commands("/bin/a b ; ; /bin/c;"), ElementsAre("/bin/a(b)", "/bin/c;()"));
  EXPECT_THAT(commands("-@/bin/true foo bar"), ElementsAre("-/bin/true(bar)"));
  EXPECT_THAT(commands("@-:+/bin/true foo"), ElementsAre("-+/bin/true()"));
  EXPECT_THAT(commands("!!/bin/a ; !/bin/b ; +/bin/c"),
              ElementsAre("/bin/a()", "/bin/b()", "+/bin/c()"));
  EXPECT_THAT(commands("'/bin/with blank' x"), ElementsAre("/bin/with blank(x)"));
  EXPECT_THAT(commands(""), IsEmpty());
  EXPECT_THAT(commands(" ; "), IsEmpty());
}

TEST(UnitFile, RefusesCommandsThatSystemdRefuses) {
  auto fault = [](std::string_view value) { return error_of([&] { parse_exec(value); }); };
  EXPECT_EQ(fault("-"), "no program");
  EXPECT_EQ(fault("'' x"), "no program");
  EXPECT_EQ(fault("--/bin/true"), "neither an absolute path nor a file name");
  EXPECT_EQ(fault("bin/true"), "neither an absolute path nor a file name");
  EXPECT_EQ(fault(".."), "neither an absolute path nor a file name");
  EXPECT_EQ(fault("/bin/"), "the program is a folder");
  EXPECT_EQ(fault("'/bin/a\\tb'"), "special characters in the program's name");
  EXPECT_EQ(fault("/bin/" + std::string(256, 'x')), "the program's path is too long");
  EXPECT_EQ(fault("|/bin/x"), "a command for the user's shell ('|') is not followed");
  EXPECT_EQ(fault("@/bin/true"), "no word for argv[0] after '@'");
  EXPECT_EQ(fault("/bin/sh -c 'x"), "unbalanced quoting");
}

TEST(UnitFile, KnowsBooleans) {
  for (const char* yes : {"1", "yes", "Y", "TRUE", "t", "on"}) {
    EXPECT_EQ(parse_unit_boolean(yes), true) << yes;
  }
  for (const char* no : {"0", "No", "n", "false", "F", "off"}) {
    EXPECT_EQ(parse_unit_boolean(no), false) << no;
  }
  EXPECT_EQ(parse_unit_boolean("2"), std::nullopt);
  EXPECT_EQ(parse_unit_boolean(""), std::nullopt);
}

TEST(UnitFile, KnowsNames) {
  const UnitName instance = *UnitName::parse("getty@tty1.service");
  EXPECT_EQ(instance.prefix, "getty");
  EXPECT_EQ(instance.instance, "tty1");
  EXPECT_EQ(instance.type, "service");
  EXPECT_TRUE(instance.is_instance());
  EXPECT_EQ(instance.text(), "getty@tty1.service");
  EXPECT_EQ(instance.template_name(), "getty@.service");
  EXPECT_TRUE(UnitName::parse("getty@.service")->is_template());
  EXPECT_FALSE(UnitName::parse("a.b.service")->is_instance());
  EXPECT_EQ(UnitName::parse("a.b.service")->prefix, "a.b");
  for (const char* name : {"", "x", ".service", "x.", "@a.service", "a b.service", "a/b.service"}) {
    EXPECT_FALSE(UnitName::parse(name)) << name;
  }
  EXPECT_FALSE(UnitName::parse(std::string(250, 'x') + ".service"));
}

TEST(UnitFile, ResolvesSpecifiers) {
  const UnitName plain = *UnitName::parse("a-b.service"),
                 instance = *UnitName::parse("a@i.service"), base = *UnitName::parse("a@.service");
  EXPECT_EQ(resolve_specifiers("%n %N %p %% %Z %", plain), "a-b.service a-b a-b % %Z %");
  EXPECT_EQ(resolve_specifiers("%n %N %p %i", instance), "a@i.service a@i a i");
  EXPECT_EQ(resolve_specifiers("%p", base), "a");
  EXPECT_EQ(resolve_specifiers("%C %E %h %L %S %t %T %V", plain),
            "/var/cache /etc /root /var/log /var/lib /run /tmp /var/tmp");
  EXPECT_EQ(error_of([&] { resolve_specifiers("/x/%i", base); }),
            "specifier '%i' is known at boot alone");
  EXPECT_EQ(error_of([&] { resolve_specifiers("/x/%m", plain); }),
            "specifier '%m' is known at boot alone");
}

}  // namespace
}  // namespace builder
