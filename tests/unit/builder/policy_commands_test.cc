// SPDX-License-Identifier: Apache-2.0
//
// What the commands print of a policy is compared with setools in tests/oracle/setools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "builder/commands/commands.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/builder/run_with.h"
#include "tests/unit/policy/cil_samples.h"

namespace builder {
namespace {

using testing::ElementsAre;

TEST(PolicyCommands, TakeFlagsOfTwoLetters) {
  EXPECT_THAT(
      spell_out_search_flags({"policy", "search", "p", "-A", "-ds", "-s", "a", "-ep"}),
      ElementsAre("policy", "search", "p", "-A", "--source_direct", "-s", "a", "--perms_equal"));
  EXPECT_THAT(spell_out_search_flags({"policy", "info", "-ds"}),
              ElementsAre("policy", "info", "-ds"));
  EXPECT_THAT(spell_out_search_flags({"policy"}), ElementsAre("policy"));
}

TEST(PolicyCommands, RefuseWrongUse) {
  EXPECT_EQ(run_with({"policy", "search", "p"}).status, 2);
  EXPECT_EQ(run_with({"policy", "search", "-A"}).status, 2);
  EXPECT_EQ(run_with({"policy", "info"}).status, 2);
}

TEST(PolicyCommands, RefuseWhatIsNoPolicy) {
  tests::TempDir folder;
  std::string file = folder.path() + "/policy.33";
  imagefmt::write_file(file, "allow everything");
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"policy", "info", file, "-t", "-x"},
        std::vector<std::string>{"policy", "search", file, "-A", "-ds", "-dt"}}) {
    Ran ran = run_with(args);
    EXPECT_EQ(ran.status, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "intaglio: cannot read policy '" + file +
                           "': not a binary policy: expected magic 0xf97cff8c, found 0x6f6c6c61\n");
  }
  EXPECT_EQ(run_with({"policy", "info", folder.path() + "/none"}).err,
            "intaglio: cannot open '" + folder.path() + "/none': No such file or directory\n");
}

TEST(PolicyCommands, TakeModulesOrWhatIsCompiled) {
  const std::vector<std::string> build = {"build", "--closure", "c", "--board",
                                          "b",     "--output",  "o"};
  auto misuse = [&](std::vector<std::string> more) {
    more.insert(more.begin(), build.begin(), build.end());
    const Ran ran = run_with(more);
    EXPECT_EQ(ran.status, 2);
    return ran.err.substr(0, ran.err.find('\n'));
  };
  EXPECT_EQ(misuse({}), "intaglio: --policy or --compiled-policy is required");
  for (std::vector<std::string> option : {std::vector<std::string>{"--policy", "p"},
                                          {"--contexts", "c"},
                                          {"--policy-name", "n"},
                                          {"--policy-module", "m.cil"},
                                          {"--policy-remove", "m"},
                                          {"--boolean", "b=on"},
                                          {"--disable-dontaudit"},
                                          {"--handle-unknown", "deny"},
                                          {"--allow-lossy"},
                                          {"--policy-version", "33"}}) {
    const std::string message = "intaglio: " + option[0] + " excludes --compiled-policy";
    option.insert(option.end(), {"--compiled-policy", "d"});
    EXPECT_EQ(misuse(option), message);
  }
  EXPECT_EQ(misuse({"--policy", "p", "--handle-unknown", "permit"}),
            "intaglio: --handle-unknown 'permit': expected deny, reject or allow");
  EXPECT_EQ(
      run_with({"policy", "compile", "--compiled-policy", "d", "--output", "o"}).err.substr(0, 34),
      "intaglio: --policy is required\nint");
}

/// What the switches make of a policy, by `policy compile` and `policy info`.
class PolicySwitches : public testing::Test {
 protected:
  PolicySwitches() {
    std::filesystem::create_directories(modules + "/contexts");
    for (const char* name : {"default_contexts", "default_type", "failsafe_context",
                             "dbus_contexts", "securetty_types"}) {
      imagefmt::write_file(modules + "/contexts/" + name, "");
    }
    imagefmt::write_file(modules + "/base.cil", policy::base_cil());
    imagefmt::write_file(modules + "/more.cil",
                         "(type more_t)\n(boolean may_read false)\n"
                         "(booleanif may_read (true (allow a_t a_t (file (read)))))\n"
                         "(dontaudit a_t file_t (file (write)))\n");
    imagefmt::write_file(other, "(type other_t)\n(type another_t)\n");
  }
  /// How unknown permissions are handled, how many types and dontaudit rules there are, the booleans.
  std::string info(std::vector<std::string> options) {
    options.insert(options.begin(), {"policy", "compile", "--policy", modules, "--policy-name", "p",
                                     "--policy-version", "33", "--policy-remove", "store",
                                     "--quiet", "--output", out});
    const Ran compiled = run_with(options);
    EXPECT_EQ(compiled.status, 0) << compiled.err;
    const std::string policy = out + "/p/policy/policy.33";
    const std::string all = run_with({"policy", "info", policy}).out;
    std::string text;
    for (const std::string key : {"Handle unknown classes:", "Types:", "Dontaudit:"}) {
      const size_t start = all.find_first_not_of(' ', all.find(key) + key.size());
      text += all.substr(start, all.find_first_of(" \n", start) - start) + ' ';
    }
    return text + run_with({"policy", "info", policy, "-b", "-x", "--flat"}).out;
  }

  tests::TempDir folder;
  std::string modules = folder / "modules", out = folder / "out", other = folder / "more.cil";
};

TEST_F(PolicySwitches, DoWhatTheySay) {
  EXPECT_EQ(info({}), "allow 4 1 bool may_read false;\n");
  EXPECT_EQ(info({"--boolean", "may_read=on"}), "allow 4 1 bool may_read true;\n");
  EXPECT_EQ(info({"--disable-dontaudit"}), "allow 4 0 bool may_read false;\n");
  EXPECT_EQ(info({"--handle-unknown", "deny"}), "deny 4 1 bool may_read false;\n");
  EXPECT_EQ(info({"--handle-unknown", "reject"}), "reject 4 1 bool may_read false;\n");
  // A module of the same name stands for the folder's; one of another name is added.
  EXPECT_EQ(info({"--policy-module", other}), "allow 5 0 ");
  imagefmt::write_file(folder / "own.cil", "(type own_t)\n");
  EXPECT_EQ(info({"--policy-module", folder / "own.cil"}), "allow 5 1 bool may_read false;\n");
  EXPECT_EQ(info({"--policy-remove", "more"}), "allow 3 0 ");
}

}  // namespace
}  // namespace builder
