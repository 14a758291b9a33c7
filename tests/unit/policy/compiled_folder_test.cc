// SPDX-License-Identifier: Apache-2.0
#include "policy/compiled_folder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"
#include "policy/etc_selinux.h"
#include "policy/policydb.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"
#include "tests/unit/policy/small_policy.h"

namespace policy {
namespace {

using imagefmt::write_file;
using tests::error_of;
namespace fs = std::filesystem;

constexpr const char* kFileContexts = R"(
(filecon "/.*" any (system_u object_r run_t ((s0) (s0))))
(filecon "/nix/store/[^/]+/bin(/.*)?" any (system_u object_r run_t ((s0) (s0))))
(filecon "HOME_DIR" dir (system_u object_r home_t ((s0) (s0))))
(filecon "/run/%{USERNAME}" dir (system_u object_r run_t ((s0) (s0))))
(fsuse xattr squashfs (system_u object_r run_t ((s0) (s0))))
)";

imagefmt::FileTree make(const std::string& contexts, const ImageAccounts& accounts,
                        const CompiledPolicy& policy) {
  const PolicyFiles files{
      "small",        policy.version,      policy.mls, policy.binary, policy.file_contexts,
      policy.seusers, policy.user_prefixes};
  return make_selinux_folder(files, PolicyDb::from_image(policy.binary, "policy"),
                             SelinuxMode::kEnforcing, contexts, accounts)
      .tree;
}

/// A policy compiled into a folder `selinux`, as `policy compile` does it.
struct Compiled {
  explicit Compiled(bool mls = true) {
    CompileOptions options;
    options.version = 31;
    std::vector<Module> modules;
    modules.push_back(cil_module("small", tests::small_policy_cil(mls, kFileContexts)));
    policy = compile(std::move(modules), options, reporter);

    fs::create_directories(contexts + "/files");
    for (const char* name :
         {"dbus_contexts", "securetty_types", "default_type", "failsafe_context"}) {
      write_file(contexts + '/' + name, "");
    }
    write_file(contexts + "/default_contexts", mls ? "a_r:a_t:s0\n" : "a_r:a_t\n");
    imagefmt::FileTree tree = make(contexts, accounts_without_image(), policy);
    add_home_templates(tree, "small", policy);
    imagefmt::make_folder(selinux);
    imagefmt::write_folder(tree, selinux);
  }
  CompiledFolder read(std::optional<KernelVersion> kernel = std::nullopt) {
    return read_compiled_folder(selinux, kernel, reporter);
  }

  tests::TempDir folder;
  std::string contexts = folder / "contexts", selinux = folder / "selinux";
  CompiledPolicy policy;
  WarningReporter reporter;
};

TEST(CompiledFolder, GivesBackWhatWasCompiled) {
  for (bool mls : {true, false}) {
    Compiled compiled(mls);
    const CompiledFolder found = compiled.read(KernelVersion{6, 1, 0});
    EXPECT_EQ(found.name, "small");
    EXPECT_EQ(found.contexts_folder, compiled.selinux + "/small/contexts");
    EXPECT_EQ(found.policy.version, 31u);
    EXPECT_EQ(found.policy.mls, mls);
    EXPECT_EQ(found.policy.binary, compiled.policy.binary);
    EXPECT_EQ(found.policy.seusers, compiled.policy.seusers);
    EXPECT_EQ(found.policy.user_prefixes, compiled.policy.user_prefixes);
    EXPECT_EQ(found.policy.xattr_filesystems, std::vector<std::string>{"squashfs"});
    EXPECT_TRUE(compiled.reporter.warnings.empty());

    // For the users of some image, the same as of the modules; what it is made from stays out.
    ImageAccounts accounts = accounts_without_image();
    accounts.users.push_back({"ann", 1000, 1000, "/people/ann", "/bin/sh"});
    const imagefmt::FileTree expected = make(compiled.contexts, accounts, compiled.policy);
    EXPECT_TRUE(make(found.contexts_folder, accounts, found.policy) == expected);
    EXPECT_FALSE(expected.find("/small/contexts/files/homedir_template"));
    EXPECT_FALSE(expected.find("/small/users_extra"));
  }
}

TEST(CompiledFolder, NeedsNoPrefixes) {
  Compiled compiled;
  const std::string& selinux = compiled.selinux;
  fs::remove(selinux + "/small/users_extra");
  EXPECT_EQ(compiled.read().policy.user_prefixes, "");
}

TEST(CompiledFolder, NamesWhatIsWrong) {
  Compiled compiled;
  const std::string& selinux = compiled.selinux;
  const std::string policy = selinux + "/small/policy/policy.31";
  EXPECT_EQ(error_of([&] {
              compiled.read(KernelVersion{3, 10, 0});
            }),
            policy + ": cannot use policy version 31: Linux 3.10.0 reads versions up to 28");
  fs::copy_file(policy, selinux + "/small/policy/policy.30");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot choose a policy in '" + selinux +
                "/small/policy': expected one file 'policy.N', found "
                "policy.30, policy.31");
  fs::remove(policy);
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot use '" + selinux +
                "/small/policy/policy.30': its own header says version "
                "31");
  write_file(selinux + "/small/policy/policy.30", "allow everything");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot read policy '" + selinux +
                "/small/policy/policy.30': not a binary policy: expected magic 0xf97cff8c, found "
                "0x6f6c6c61");
  fs::remove(selinux + "/small/policy/policy.30");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot choose a policy in '" + selinux +
                "/small/policy': expected one file 'policy.N', found "
                "none");
  fs::remove(selinux + "/small/policy");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot read the folder '" + selinux + "/small/policy': No such file or directory");
  write_file(selinux + "/config", "SELINUX=enforcing\n# SELINUXTYPE=small\n");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot read '" + selinux + "/config': it has no SELINUXTYPE");
  write_file(selinux + "/config", "SELINUXTYPE=../small\n");
  EXPECT_EQ(
      error_of([&] { compiled.read(); }),
      selinux + "/config: cannot name a policy '../small': expected letters, digits, '_' and '-'");
  fs::remove(selinux + "/config");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot open '" + selinux + "/config': No such file or directory");
}

TEST(CompiledFolder, NeedsTheTemplates) {
  Compiled compiled;
  const std::string& selinux = compiled.selinux;
  fs::remove(selinux + "/small/contexts/files/homedir_template");
  EXPECT_EQ(error_of([&] { compiled.read(); }),
            "cannot open '" + selinux +
                "/small/contexts/files/homedir_template': No such file or directory");
}

}  // namespace
}  // namespace policy
