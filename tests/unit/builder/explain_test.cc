// SPDX-License-Identifier: Apache-2.0
#include "builder/explain.h"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "builder/cli.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/web_policy.h"

namespace builder {
namespace {

using imagefmt::make_symlink;
using tests::error_of;

constexpr const char* kContexts =
    "/.*\tsystem_u:object_r:log_t:s0\n"
    "/etc(/.*)?\tsystem_u:object_r:log_t:s0\n"
    "/run/.*\t<<none>>\n"
    "/usr/bin(/.*)?\tsystem_u:object_r:job_exec_t:s0\n"
    "/usr/sbin/web\t-d\tsystem_u:object_r:log_t:s0\n"
    "/usr/bin/web\t--\tsystem_u:object_r:web_exec_t:s0\n"
    "/nix(/.*)?\tsystem_u:object_r:log_t:s0\n";

std::string policy_cil() {
  std::string cil = tests::web_policy_cil();
  const std::string classes = "(class file (entrypoint))", order = "(classorder (file dir";
  cil.replace(cil.find(classes), classes.size(),
              "(class file (entrypoint execute_no_trans))(class lnk_file (read write))");
  return cil.replace(cil.find(order), order.size(), "(classorder (file lnk_file dir");
}

/// A server, links to it, and one that leads nowhere.
class Explain : public testing::Test {
 protected:
  Explain()
      : policy_(policy::PolicyRules::from_image(
            tests::compile_small_policy(policy_cil(), 33).binary, "web")) {
    auto file = [&](const char* path, uint16_t mode) {
      tree_.insert(path, imagefmt::make_regular(imagefmt::Content::from_bytes("x"), mode));
    };
    file("/nix/store/w-web/bin/web", 0555);
    file("/nix/store/w-web/bin/job", 0555);
    file("/run/state", 0644);
    tree_.insert("/bin", make_symlink("nix/store/w-web/bin"));
    tree_.insert("/etc/web", make_symlink("/bin/../bin/web"));
    tree_.insert("/etc/gone", make_symlink("/run/gone\n"));
    rules_.contexts = policy::FileContexts::parse({{{"file_contexts", kContexts}}, {}});
    imagefmt::SilentReporter silent;
    policy::label(tree_, rules_, silent);
    origins_.resize(rules_.contexts.rules().size());
    origins_[5] = {{"web", "m/web.pp.bz2", policy::ModuleForm::kPackage, 7},
                   {"mine", "m/mine.cil", policy::ModuleForm::kCil, 2}};
  }
  std::string text(std::string_view path, bool all = false) const {
    return to_text(input_, explain_path(input_, path), all);
  }

  imagefmt::FileTree tree_;
  policy::LabelInput rules_;
  std::vector<std::vector<policy::RuleOrigin>> origins_;
  policy::PolicyRules policy_;
  const ExplainInput input_{tree_, rules_, origins_, policy_, "init_t"};
};

TEST_F(Explain, TellsAllOfAProgram) {
  EXPECT_EQ(text("/nix/store/w-web/bin/web"),
            R"(/nix/store/w-web/bin/web: file, mode 0555
  label      system_u:object_r:web_exec_t:s0
  reason     the rule for its place in the FHS
  store rule nixos/store.rules:LINE: any /bin as /usr/bin /usr/sbin
  rule       /usr/bin/web -- system_u:object_r:web_exec_t:s0
             module web: m/web.pp.bz2, file_contexts line 7
             module mine: m/mine.cil line 2
  place      /usr/bin/web
  also at    /usr/sbin/web
  also at    /etc/web
  link       /etc/web
)");
}

TEST_F(Explain, NamesTheNearestPathThatTheImageHas) {
  EXPECT_EQ(error_of([&] { text("/bin/nope/x"); }),
            "cannot explain '/bin/nope/x': the image has no such path; the nearest that it has is "
            "'/bin'");
  EXPECT_EQ(error_of([&] { text("/etc/web/x"); }),
            "cannot explain '/etc/web/x': the image has no such path; the nearest that it has is "
            "'/etc/web'");
  EXPECT_EQ(error_of([&] { text("/x"); }),
            "cannot explain '/x': the image has no such path; the nearest that it has is '/'");
}

TEST_F(Explain, TakesPathsAsPeopleWriteThem) {
  EXPECT_EQ(explain_path(input_, "/").at(0).path, "/");
  EXPECT_EQ(explain_path(input_, "//etc/../nix/./store/w-web/bin//web/").at(0).path,
            "/nix/store/w-web/bin/web");
  EXPECT_EQ(explain_path(input_, "/bin/web").at(0).path, "/nix/store/w-web/bin/web");
  EXPECT_EQ(explain_path(input_, "/etc/..").at(0).path, "/");
}

TEST_F(Explain, TellsWhatASymlinkLeadsTo) {
  const std::vector<PathExplanation> link = explain_path(input_, "/etc/web");
  ASSERT_EQ(link.size(), 2u);
  EXPECT_EQ(link[0].link_target, "/bin/../bin/web");
}

TEST(ExplainCommand, RefusesRelativePathsBeforeAnyWork) {
  std::istringstream in;
  std::ostringstream out, err;
  Io io{in, out, err};
  EXPECT_EQ(run({"explain", "etc", "bin/x", "--closure", "none", "--policy", "none"}, io), 1);
  EXPECT_EQ(err.str(),
            "intaglio: cannot explain 'etc': expected an absolute path of the image\n"
            "intaglio: cannot explain 'bin/x': expected an absolute path of the image\n");
}

}  // namespace
}  // namespace builder
