// SPDX-License-Identifier: Apache-2.0
//
// What the commands print of a policy is compared with setools in tests/oracle/setools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "builder/cli.h"
#include "builder/commands/commands.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using testing::ElementsAre;

struct Ran {
  int status = 0;
  std::string out, err;
};

Ran run_with(const std::vector<std::string>& args) {
  std::istringstream in;
  std::ostringstream out, err;
  Io io{in, out, err};
  int status = run(args, io);
  return {status, out.str(), err.str()};
}

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

}  // namespace
}  // namespace builder
