// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_requirements.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/kernel_fragment.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::EmbeddedFile;
using testing::ElementsAre;
using tests::error_of;

constexpr std::string_view kAlways = R"(description = "Always"
applies = "always"
lsm = "selinux"
[[require]]
symbol = "A"
value = "y"
choice = ["A_OFF"]
severity = "error"
overrides_nixpkgs = true
reason = "it is the first"
source = "a page"
[[require]]
symbol = "N"
value = 65536
match = "at least"
severity = "warning"
reason = "small is bad"
source = "a page"
when = { arch = ["x86_64"], since = "5.10", before = "6.4" }
[[require]]
symbol = "N"
value = 32768
severity = "error"
reason = "small is bad"
source = "a page"
when = { arch = ["aarch64"] }
)";
constexpr std::string_view kMore = R"(description = "More"
applies = "on request"
includes = ["base"]
lsm = "landlock"
when = { since = "5.13" }
[[require]]
symbol = "9P"
value = "m"
match = "at least"
severity = "warning"
reason = "it is nice to have"
source = "a page"
when = { since = "5.1", with = ["MODULES"] }
[[require]]
symbol = "TEXT"
value = "a \"${b}\" \\"
severity = "error"
reason = "it is a text"
source = "a page"
[[require]]
symbol = "OFF"
value = "n"
severity = "error"
reason = "it is off"
source = "a page"
when = { profile = ["production"], before = "6.4" }
)";
constexpr std::string_view kBase = R"(description = "Base"
applies = "on request"
[[require]]
symbol = "B"
value = "y"
module = "b-mod"
severity = "error"
reason = "it is below"
source = "a page"
when = { root = ["ext4", "erofs"] }
)";
constexpr EmbeddedFile kFiles[] = {
    {"always.toml", kAlways}, {"more.toml", kMore}, {"base.toml", kBase}};

std::vector<std::string> lines_of(const KernelTarget& target) {
  std::vector<std::string> lines;
  for (const KernelRequirement& option : KernelTable::parse(kFiles).select(target).options) {
    lines.push_back(option.group + ' ' + config_line(option));
  }
  return lines;
}

TEST(KernelRequirements, HoldForWhatTheirConditionsSay) {
  KernelTarget target;
  EXPECT_THAT(lines_of(target), ElementsAre("always CONFIG_A=y", "always CONFIG_N=65536"));
  target.version = policy::KernelVersion{6, 4, 0};
  EXPECT_THAT(lines_of(target), ElementsAre("always CONFIG_A=y"));
  target.version = policy::KernelVersion{6, 3, 9};
  EXPECT_THAT(lines_of(target), ElementsAre("always CONFIG_A=y", "always CONFIG_N=65536"));
  target.arch = Arch::kAarch64;
  target.root_format = RootFormat::kErofs;
  target.requires_groups = {"more"};
  EXPECT_THAT(lines_of(target),
              ElementsAre("always CONFIG_A=y", "always CONFIG_N=32768", "base CONFIG_B=y",
                          "more CONFIG_9P=y", "more CONFIG_TEXT=\"a \\\"${b}\\\" \\\\\""));
  target.profile = KernelProfile::kProduction;
  EXPECT_THAT(lines_of(target), testing::Contains("more # CONFIG_OFF is not set"));
  target.version = policy::KernelVersion{5, 12, 0};
  EXPECT_THAT(lines_of(target), ElementsAre("always CONFIG_A=y", "always CONFIG_N=32768"))
      << "a group that does not hold includes nothing";
}

TEST(KernelRequirements, OrderSecurityModulesAsTheKernelDoes) {
  KernelTarget target;
  target.requires_groups = {"more"};
  EXPECT_THAT(KernelTable::parse(kFiles).select(target).lsms, ElementsAre("landlock", "selinux"));
}

TEST(KernelRequirements, RefuseUnknownGroupsAndOptionsAskedForTwice) {
  KernelTarget target;
  target.requires_groups = {"less"};
  EXPECT_EQ(error_of([&] { KernelTable::parse(kFiles).select(target); }),
            "unknown group of kernel requirements 'less', expected always, base or more");
  const EmbeddedFile kTwice[] = {{"a.toml", kAlways}, {"b.toml", kAlways}};
  EXPECT_EQ(error_of([&] { KernelTable::parse(kTwice).select({}); }),
            "kernel option CONFIG_A is asked for twice: a.toml:4 and b.toml:4");
}

TEST(KernelRequirements, EveryTargetOfOursHasEachOptionOnce) {
  const KernelTable& table = kernel_table();
  for (const Board& board : all_boards()) {
    for (KernelProfile profile : {KernelProfile::kDevel, KernelProfile::kProduction}) {
      for (RootFormat format : {RootFormat::kSquashfs, RootFormat::kExt4, RootFormat::kErofs}) {
        for (auto mode : {policy::SelinuxMode::kEnforcing, policy::SelinuxMode::kPermissive}) {
          KernelTarget target = kernel_target_of(board);
          target.profile = profile;
          target.mode = mode;
          target.root_format = format;
          target.requires_groups = table.groups();
          const KernelRequirements requirements = table.select(target);
          EXPECT_THAT(requirements.lsms, testing::Contains("selinux"));
          std::set<std::string> symbols;
          for (const KernelRequirement& option : requirements.options) {
            EXPECT_TRUE(symbols.insert(option.symbol).second);
          }
          EXPECT_TRUE(symbols.contains("SECURITY_SELINUX"));
        }
      }
    }
  }
}

TEST(KernelRequirements, AreFragments) {
  KernelTarget target;
  target.root_format = RootFormat::kExt4;
  target.profile = KernelProfile::kProduction;
  target.requires_groups = {"more"};
  const KernelRequirements requirements = KernelTable::parse(kFiles).select(target);
  EXPECT_EQ(serialize_fragment(requirements, "Options", FragmentFormat::kKconfig), R"(# Options

# always: Always
# error: it is the first
# CONFIG_A_OFF is not set
CONFIG_A=y
# warning: small is bad (from 5.10, before 6.4)
CONFIG_N=65536

# base: Base
# error: it is below
CONFIG_B=y

# more: More
# warning: it is nice to have (from 5.13, with MODULES)
CONFIG_9P=y
# error: it is a text (from 5.13)
CONFIG_TEXT="a \"${b}\" \\"
# error: it is off (from 5.13, before 6.4)
# CONFIG_OFF is not set

# lsm: Which security modules run, in which order
# warning: selinux comes before what cannot run beside it, so that it runs without security=selinux too (from 5.1)
CONFIG_LSM="landlock,selinux"
)");
  EXPECT_EQ(serialize_fragment(requirements, "Options", FragmentFormat::kNix), R"(# Options
# structuredExtraConfig = import ./<this file> { inherit lib; inherit (kernel) version; };
{ lib, version }:
with lib.kernel;
with whenHelpers version;
{
  # always: Always
  # it is the first
  A_OFF = lib.mkForce (option no);
  A = lib.mkForce yes;
  # small is bad
  N = whenBetween "5.10" "6.4" (option (freeform "65536"));

  # base: Base
  # it is below
  B = yes;

  # more: More
  # it is nice to have (with MODULES)
  "9P" = whenAtLeast "5.13" (option module);
  # it is a text
  TEXT = whenAtLeast "5.13" (freeform "a \"\${b}\" \\");
  # it is off
  OFF = whenBetween "5.13" "6.4" no;

  # lsm: Which security modules run, in which order
  # selinux comes before what cannot run beside it, so that it runs without security=selinux too
  LSM = whenAtLeast "5.1" (option (freeform "landlock,selinux"));
}
)");
  KernelRequirements one;
  one.options = {requirements.options[1]};
  EXPECT_EQ(serialize_fragment(one, "Options", FragmentFormat::kJson), R"({
  "title": "Options",
  "options": [
    {
      "group": "always",
      "symbol": "N",
      "value": "65536",
      "match": "at least",
      "module": null,
      "choice": [],
      "with": [],
      "since": "5.10",
      "before": "6.4",
      "severity": "warning",
      "reason": "small is bad",
      "source": "a page"
    }
  ]
}
)");
}

TEST(KernelRequirements, RefuseWhatIsMalformed) {
  auto with = [](std::string_view from, std::string_view to) {
    std::string text(kAlways);
    return text.replace(text.find(from), from.size(), to);
  };
  const struct {
    std::string text, message;
  } kCases[] = {
      {with("\"selinux\"", "\"selunix\""),
       "a.toml:3: key 'lsm': unknown security module 'selunix', expected landlock, lockdown, yama, "
       "loadpin, safesetid, selinux, smack, tomoyo, apparmor, ipe or bpf"},
      {with("applies = \"always\"", "applies = \"never\""),
       "a.toml:2: key 'applies': expected always or on request, found 'never'"},
      {with("applies = \"always\"", ""), "a.toml:1: key 'applies' is missing"},
      {with("description", "describes"),
       "a.toml:1: key 'description' is missing\na.toml:1: unknown key 'describes', expected "
       "description, applies, when, includes, lsm or require"},
      {with("lsm = \"selinux\"", "includes = [\"b\"]"),
       "a.toml: key 'includes': unknown group of kernel requirements 'b', expected a"},
      {with("symbol = \"A\"", "symbol = \"CONFIG_A\""),
       "a.toml:5: key 'symbol': 'CONFIG_A' is no name of an option without its CONFIG_"},
      {with("symbol = \"A\"", "symbol = \"A-B\""),
       "a.toml:5: key 'symbol': 'A-B' is no name of an option without its CONFIG_"},
      {with("symbol = \"A\"", ""), "a.toml:4: key 'symbol' is missing"},
      {with("value = \"y\"", "value = true"),
       "a.toml:6: key 'value': expected a string, found a boolean"},
      {with("value = \"y\"", "value = \"m\""),
       "a.toml:7: key 'choice': it is for an option whose value is y"},
      {with("choice = [\"A_OFF\"]", "module = 7"),
       "a.toml:7: key 'module': expected a string, found an integer"},
      {with("choice = [\"A_OFF\"]", "match = \"at least\""),
       "a.toml:7: key 'match': 'at least' is for m and numbers"},
      {with("\"at least\"", "\"about\""),
       "a.toml:15: key 'match': expected exact or at least, found 'about'"},
      {with("severity = \"error\"", "severity = \"fatal\""),
       "a.toml:8: key 'severity': expected warning or error, found 'fatal'"},
      {with("severity = \"error\"\n", ""), "a.toml:4: key 'severity' is missing"},
      {with("overrides_nixpkgs = true", "overrides_nixpkgs = 1"),
       "a.toml:9: key 'overrides_nixpkgs': expected a boolean, found an integer"},
      {with("reason = \"it is the first\"\n", ""), "a.toml:4: key 'reason' is missing"},
      {with("[\"x86_64\"]", "[\"vax\"]"),
       "a.toml:19: key 'arch': expected x86_64 or aarch64, found 'vax'"},
      {with("[\"x86_64\"]", "\"x86_64\""),
       "a.toml:19: key 'arch': expected a list, found a string"},
      {with("since = \"5.10\"", "sinds = \"5.10\""),
       "a.toml:19: unknown key 'sinds', expected arch, compression, initrd, mode, profile, root, "
       "since, before or with"},
      {with("since = \"5.10\"", "with = [\"CONFIG_A\"]"),
       "a.toml:19: key 'with': 'CONFIG_A' is no name of an option without its CONFIG_"},
      {with("when = { arch = [\"x86_64\"], since = \"5.10\", before = \"6.4\" }", "when = 1"),
       "a.toml:19: key 'when': expected a table, found an integer"},
      {"description = \"A\"\napplies = \"always\"\n", "a.toml:1: key 'require' is missing"},
      {"description = \"A\"\napplies = \"always\"\nrequire = 1\n",
       "a.toml:3: key 'require': expected [[require]] tables"},
  };
  for (const auto& one : kCases) {
    const EmbeddedFile kFile[] = {{"a.toml", one.text}};
    EXPECT_EQ(error_of([&] { KernelTable::parse(kFile); }), one.message) << one.text;
  }
  // What follows is toml++'s own word for it.
  constexpr EmbeddedFile kNoToml[] = {{"a.toml", "description\n"}, {"b.toml", "applies = 1\n"}};
  EXPECT_THAT(error_of([&] { KernelTable::parse(kNoToml); }),
              testing::AllOf(testing::StartsWith("a.toml:1: malformed TOML: "),
                             testing::HasSubstr("\nb.toml:1: key 'description' is missing\n")));
}

}  // namespace
}  // namespace builder
