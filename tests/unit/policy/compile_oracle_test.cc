// SPDX-License-Identifier: Apache-2.0
//
// Debian's refpolicy, 331 modules, compiled by us and by the tools of the distributions.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "imagefmt/base/file.h"
#include "policy/compile.h"
#include "policy/policydb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"

namespace policy {
namespace {

using imagefmt::read_file;
using imagefmt::write_file;
using tests::TempDir;
namespace fs = std::filesystem;

constexpr const char* kModules = "/usr/share/selinux/default";

std::vector<std::string> sorted_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    if (end > start) lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  std::ranges::sort(lines);
  return lines;
}

class Refpolicy : public testing::Test {
 protected:
  void SetUp() override {
    const char* missing = !fs::exists(kModules)                           ? "selinux-policy-default"
                          : system("command -v semodule >/dev/null") != 0 ? "semodule"
                          : system("command -v secilc >/dev/null") != 0   ? "secilc"
                                                                          : nullptr;
    if (!missing) return;
    ASSERT_EQ(std::getenv("CI"), nullptr) << missing << " is missing";
    GTEST_SKIP() << missing << " is missing";
  }

  /// Without our own modules, which the tools are not given.
  static std::vector<Module> modules() {
    std::vector<Module> all = load_modules({kModules, {}, {}}, 0);
    std::erase_if(all, [](const Module& module) { return module.priority == kNixosPriority; });
    return all;
  }

  static CompiledPolicy compile_at(uint32_t version) {
    CompileOptions options;
    options.version = version;
    WarningReporter reporter;
    return compile(modules(), options, reporter);
  }

  TempDir folder_;
};

// The private root that semodule works in holds what it reads of a system: two files.
TEST_F(Refpolicy, IsWhatSemoduleMakes) {
  fs::create_directories(folder_ / "etc/selinux/default");
  fs::create_directories(folder_ / "var/lib/selinux");
  write_file(folder_ / "etc/selinux/config", "SELINUX=disabled\nSELINUXTYPE=default\n");
  const uint32_t version = policy_version_for({6, 1, 0});
  write_file(folder_ / "etc/selinux/semanage.conf",
             fmt::format("module-store = direct\npolicy-version = {}\noptimize-policy = true\n"
                         "expand-check = 0\n",
                         version));
  ASSERT_EQ(system(fmt::format("semodule -p {} -s default -n -X 100 -i {}/*.pp.bz2 2>{}/log",
                               folder_.path(), kModules, folder_.path())
                       .c_str()),
            0)
      << read_file(folder_ / "log");

  CompiledPolicy ours = compile_at(version);
  std::string root = folder_ / "etc/selinux/default/";
  EXPECT_TRUE(read_file(root + "policy/policy." + std::to_string(version)) == ours.binary);
  std::string active = folder_ / "var/lib/selinux/default/active/";
  EXPECT_EQ(read_file(active + "seusers.linked"), ours.seusers);
  EXPECT_EQ(read_file(active + "users_extra.linked"), ours.user_prefixes);
  // semodule splits the rules in two files, in their order.
  EXPECT_EQ(sorted_lines(read_file(root + "contexts/files/file_contexts") +
                         read_file(active + "homedir_template")),
            sorted_lines(ours.file_contexts));
  std::string rest = read_file(root + "contexts/files/file_contexts");
  for (size_t start = 0, at = 0; start < rest.size();) {
    size_t end = rest.find('\n', start) + 1;
    at = ours.file_contexts.find(rest.substr(start, end - start), at);
    ASSERT_NE(at, std::string::npos) << "out of order: " << rest.substr(start, end - start);
    start = end;
  }
}

TEST_F(Refpolicy, IsWhatSecilcMakesAtAnOlderVersion) {
  std::vector<Module> cil = modules();
  std::string files;
  {
    std::string pp = fs::exists("/usr/libexec/selinux/hll/pp") ? "/usr/libexec/selinux/hll/pp"
                                                               : "/usr/lib/selinux/hll/pp";
    for (const Module& module : cil) {
      write_file(folder_ / module.name + ".pp", module.bytes);
      std::string out = folder_ / module.name + ".cil";
      ASSERT_EQ(system((pp + " " + folder_ / module.name + ".pp " + out).c_str()), 0);
      files += " " + out;
    }
  }
  std::string policy = folder_ / "policy";
  ASSERT_EQ(system(fmt::format("secilc -O -c 30 -o {} -f /dev/null{}", policy, files).c_str()), 0);
  EXPECT_TRUE(read_file(policy) == compile_at(30).binary);
}

TEST_F(Refpolicy, LosesNothingInSilence) {
  EXPECT_THAT(tests::error_of([] { compile_at(24); }),
              testing::StartsWith("policy version 24 cannot hold file name transitions "
                                  "(typetransition with a name): found "));
  // secilc drops role transitions before 26. (Of two rules that say the same, either may stay, and
  // constraints name no attributes before 29, so that not all of the text is equal.)
  auto transitions = [](uint32_t version) {
    std::vector<std::string> lines =
        sorted_lines(kernel_policy_to_cil(compile_at(version).binary, "policy"));
    std::erase_if(lines, [](const std::string& line) {
      return line.find("transition ") > 6;  // not (typetransition, (rangetransition …
    });
    return lines;
  };
  std::vector<std::string> old = transitions(25), newest = transitions(newest_policy_version());
  EXPECT_GT(newest.size(), 1000u);
  EXPECT_TRUE(old == newest);
}

}  // namespace
}  // namespace policy
