// SPDX-License-Identifier: Apache-2.0
#include "policy/etc_selinux.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <selinux/label.h>
#include <selinux/selinux.h>
#include <sys/stat.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/small_policy.h"

namespace policy {
namespace {

using imagefmt::write_file;
using tests::error_of;

constexpr const char* kFileContexts = R"(
(filecon "/.*" any (system_u object_r run_t ((s0) (s0))))
(filecon "/nix/store/[^/]+/bin(/.*)?" any (system_u object_r run_t ((s0) (s0))))
(filecon "HOME_DIR" dir (system_u object_r home_t ((s0) (s0))))
(filecon "/run/%{USERNAME}" dir (system_u object_r run_t ((s0) (s0))))
)";

class SelinuxFolderTest : public testing::Test {
 protected:
  SelinuxFolderTest()
      : small(tests::compile_small_policy(tests::small_policy_cil(true, kFileContexts))) {
    for (const char* name : {"dbus_contexts", "securetty_types"})
      write_file(contexts + name, "x\n");
    write_file(contexts + "default_type", "admin_r:run_t\n");
    write_file(contexts + "failsafe_context", "admin_r:run_t:s0\n");
    write_file(contexts + "default_contexts", "a_r:a_t:s0\tb_r:b_t:s0 c_r:c_t:s0\n");
    std::filesystem::create_directory(contexts + "users");
    write_file(contexts + "users/root", "a_r:a_t:s0 b_r:b_t:s0\n");
    std::filesystem::create_directory(contexts + "files");
    write_file(contexts + "files/media", "cdrom system_u:object_r:run_t:s0\n");
    write_file(contexts + "files/file_contexts.subs_dist", "/bin /usr/bin\n");
    for (const char* name : {"file_contexts", "file_contexts.homedirs", "file_contexts.bin",
                             "file_contexts.homedirs.bin", "file_contexts.local.bin"}) {
      write_file(contexts + "files/" + name, "of the host");
    }
  }
  SelinuxFolder make(SelinuxMode mode = SelinuxMode::kEnforcing) const {
    return make_selinux_folder(files, PolicyDb::from_image(files.binary, "policy"), mode,
                               folder.path() + "/contexts", accounts_without_image());
  }
  static std::string text(const SelinuxFolder& made, const std::string& path) {
    const imagefmt::Node* node = made.tree.find(path);
    return node && node->regular() ? node->regular()->content.read_all() : "(no file)";
  }

  tests::TempDir folder;
  std::string contexts = [this] {
    std::filesystem::create_directory(folder / "contexts");
    return folder / "contexts/";
  }();
  tests::SmallPolicy small;
  PolicyFiles files{
      "small", 31, true, small.binary, small.file_contexts, small.seusers, small.user_prefixes};
};

TEST_F(SelinuxFolderTest, HoldsWhatLibselinuxReads) {
  const SelinuxFolder made = make();
  std::vector<std::string> lines;
  for (const std::string& line : imagefmt::dump(made.tree)) {
    const size_t size = line.find("\t0\t0\t") + 5;  // sizes are not what this is about
    lines.push_back(line.substr(0, size));
  }
  EXPECT_EQ(lines, (std::vector<std::string>{
                       "/\td\t0755\t0\t0\t",
                       "/config\tf\t0644\t0\t0\t",
                       "/small\td\t0755\t0\t0\t",
                       "/small/contexts\td\t0755\t0\t0\t",
                       "/small/contexts/dbus_contexts\tf\t0644\t0\t0\t",
                       "/small/contexts/default_contexts\tf\t0644\t0\t0\t",
                       "/small/contexts/default_type\tf\t0644\t0\t0\t",
                       "/small/contexts/failsafe_context\tf\t0644\t0\t0\t",
                       "/small/contexts/files\td\t0755\t0\t0\t",
                       "/small/contexts/files/file_contexts\tf\t0644\t0\t0\t",
                       "/small/contexts/files/file_contexts.homedirs\tf\t0644\t0\t0\t",
                       "/small/contexts/files/file_contexts.subs_dist\tf\t0644\t0\t0\t",
                       "/small/contexts/files/media\tf\t0644\t0\t0\t",
                       "/small/contexts/securetty_types\tf\t0644\t0\t0\t",
                       "/small/contexts/users\td\t0755\t0\t0\t",
                       "/small/contexts/users/root\tf\t0644\t0\t0\t",
                       "/small/policy\td\t0755\t0\t0\t",
                       "/small/policy/policy.31\tf\t0644\t0\t0\t",
                       "/small/seusers\tf\t0644\t0\t0\t",
                   }));
  walk(made.tree, [](const std::string& path, const imagefmt::Node& node) {
    EXPECT_EQ(node.mtime, 1) << path;
  });
  EXPECT_EQ(text(made, "/config"), "SELINUX=enforcing\nSELINUXTYPE=small\n");
  EXPECT_EQ(text(made, "/small/policy/policy.31"), small.binary);
  EXPECT_EQ(text(made, "/small/seusers"), "root:admin_u:s0-s0:c0.c3\n__default__:guest_u:s0-s0\n");
  EXPECT_EQ(text(made, "/small/contexts/files/file_contexts"),
            "/.*\tsystem_u:object_r:run_t:s0\n/nix/store(/.*)?\t<<none>>\n");
  EXPECT_THAT(text(made, "/small/contexts/files/file_contexts.homedirs"),
              testing::EndsWith("/root\t-d\tadmin_u:admin_r:home_t:s0\n"));
  EXPECT_EQ(made.warnings,
            (std::vector<std::string>{"home directory rules with label 'admin_u:admin_r:run_t:s0' "
                                      "are left out: the policy does not know it"}));
  EXPECT_EQ(text(make(SelinuxMode::kPermissive), "/config"),
            "SELINUX=permissive\nSELINUXTYPE=small\n");
  EXPECT_TRUE(made.tree == make().tree);
}

TEST_F(SelinuxFolderTest, KeepsRestoreconOffTheStore) {
  const SelinuxFolder made = make();
  const std::string path = folder / "file_contexts";
  for (const char* suffix : {"", ".homedirs", ".subs_dist"}) {
    write_file(path + suffix,
               text(made, std::string("/small/contexts/files/file_contexts") + suffix));
  }
  const selinux_opt options[] = {{SELABEL_OPT_PATH, path.c_str()}};
  selabel_handle* labels = selabel_open(SELABEL_CTX_FILE, options, 1);
  ASSERT_TRUE(labels);
  auto look_up = [&](const char* at, int mode) {
    char* context = nullptr;
    if (selabel_lookup_raw(labels, &context, at, mode) < 0) return std::string("none");
    std::string result = context;
    freecon(context);
    return result;
  };
  EXPECT_EQ(look_up("/nix", S_IFDIR), "system_u:object_r:run_t:s0");
  EXPECT_EQ(look_up("/nix/store", S_IFDIR), "none");
  EXPECT_EQ(look_up("/nix/store/abc-sh/bin/sh", S_IFREG), "none");
  EXPECT_EQ(look_up("/root", S_IFDIR), "admin_u:admin_r:home_t:s0");
  EXPECT_EQ(look_up("/home/ann", S_IFDIR), "guest_u:object_r:home_t:s0");
  selabel_close(labels);
}

TEST_F(SelinuxFolderTest, TakesTheTranslationsOfAnMlsPolicy) {
  write_file(folder / "setrans.conf", "s0=Everything\n");
  EXPECT_EQ(text(make(), "/small/setrans.conf"), "s0=Everything\n");
}

TEST_F(SelinuxFolderTest, LeavesOutWhatBelongsToOneMachine) {
  write_file(contexts + "files/file_contexts.local", "/x a:b:c:s0\n");
  write_file(contexts + "files/file_contexts.subs", "/x /y\n");
  const SelinuxFolder made = make();
  EXPECT_EQ(text(made, "/small/contexts/files/file_contexts.local"), "(no file)");
  EXPECT_EQ(text(made, "/small/contexts/files/file_contexts.subs"), "(no file)");
  ASSERT_GE(made.warnings.size(), 2u);
  const std::string reason =
      "' is left out: it holds one machine's own changes; give rules for an image in a policy "
      "module";
  EXPECT_EQ(made.warnings[0], "'" + contexts + "files/file_contexts.local" + reason);
  EXPECT_EQ(made.warnings[1], "'" + contexts + "files/file_contexts.subs" + reason);
}

TEST_F(SelinuxFolderTest, FollowsLinks) {
  std::filesystem::rename(contexts + "users", folder / "elsewhere");
  std::filesystem::create_symlink("../elsewhere", contexts + "users");
  EXPECT_EQ(text(make(), "/small/contexts/users/root"), "a_r:a_t:s0 b_r:b_t:s0\n");
  std::filesystem::create_symlink(".", contexts + "loop");
  EXPECT_THAT(error_of([&] { make(); }),
              testing::AllOf(testing::StartsWith("cannot read the contexts folder '" + contexts),
                             testing::EndsWith("loop/files': more than 8 folders deep")));
  std::filesystem::remove(contexts + "loop");
  std::filesystem::create_symlink("nowhere", contexts + "dangling");
  EXPECT_EQ(error_of([&] { make(); }),
            "cannot copy '" + contexts + "dangling': it leads to neither a file nor a folder");
}

TEST_F(SelinuxFolderTest, RefusesAFolderThatCannotBeOne) {
  for (int i = 0; i < 1000; ++i) write_file(contexts + "users/" + std::to_string(i), "");
  EXPECT_EQ(error_of([&] { make(); }),
            "cannot read the contexts folder '" + contexts + "users': more than 1000 files");
}

TEST_F(SelinuxFolderTest, NamesEveryMissingFileAndItsReader) {
  for (const char* name : {"default_contexts", "default_type", "failsafe_context", "dbus_contexts",
                           "securetty_types"}) {
    std::filesystem::remove(contexts + name);
  }
  const std::string start =
      "cannot use the contexts folder '" + folder.path() + "/contexts': it has no ";
  EXPECT_EQ(error_of([&] { make(); }),
            start +
                "'default_contexts', needed by login, sshd, crond and 'systemd --user' for the "
                "context of a session\n" +
                start +
                "'default_type', needed by newrole, sudo and pam_selinux for the type of a "
                "role\n" +
                start +
                "'failsafe_context', needed by pam_selinux when no default context can be "
                "reached\n" +
                start +
                "'dbus_contexts', needed by dbus-daemon and dbus-broker, whose configuration "
                "includes it\n" +
                start +
                "'securetty_types', needed by login and newrole for the terminals that they "
                "relabel");
  std::filesystem::remove_all(contexts);
  EXPECT_EQ(error_of([&] { make(); }), "cannot read the contexts folder '" + folder.path() +
                                           "/contexts': No such file or directory");
}

TEST_F(SelinuxFolderTest, RefusesWhatContradictsItself) {
  files.version = 33;
  EXPECT_EQ(error_of([&] { make(); }), "cannot write 'policy.33': its own header says version 31");
  files.version = 31;
  files.mls = false;
  EXPECT_EQ(error_of([&] { make(); }),
            "cannot write 'policy.31': expected a non-MLS policy, found an MLS");
  files.mls = true;
  files.seusers = "root:odd_u:s0\n";
  EXPECT_EQ(error_of([&] { make(); }),
            "cannot map login 'root': the policy has no SELinux user 'odd_u'");
  files.seusers = small.seusers;
  write_file(contexts + "default_contexts", "# none\na_r:a_t b_r:b_t:s0\n");
  write_file(contexts + "users/root", "\na_r:a_t:s0 b_r:b_t\n");
  files.file_contexts = "/x\t--\tsystem_u:object_r:run_t\n/y\t<<none>>\n";
  EXPECT_EQ(
      error_of([&] { make(); }),
      "cannot use 'contexts/files/file_contexts' line 1: 'system_u:object_r:run_t' has no "
      "level, and the policy is MLS\n"
      "cannot use 'contexts/default_contexts' line 2: 'a_r:a_t' has no level, and the policy "
      "is MLS\n"
      "cannot use 'contexts/users/root' line 2: 'b_r:b_t' has no level, and the policy is MLS");
}

TEST(PolicyName, IsOneComponentOfAPath) {
  check_policy_name("refpolicy-mls_2");
  EXPECT_EQ(error_of([] { check_policy_name(""); }),
            "cannot name a policy '': a name has at least one character");
  EXPECT_EQ(error_of([] { check_policy_name("a/b"); }),
            "cannot name a policy 'a/b': expected letters, digits, '_' and '-'");
  EXPECT_EQ(error_of([] { check_policy_name("config"); }),
            "cannot name a policy 'config': '/etc/selinux/config' is a file");
  EXPECT_EQ(
      error_of([] { check_policy_name(std::string(65, 'a')); }),
      "cannot name a policy '" + std::string(65, 'a') + "': a name has at most 64 characters");
}

TEST(ImageFileContexts, EndWithTheStoreAndHaveNoOtherRuleForIt) {
  EXPECT_EQ(image_file_contexts("/a\tx\n/nix/store\t-d\tx\n/nix/store/[^/]+/lib\tx\n"
                                "/nix/store(/.*)?\tx\n/nix/storehouse\tx\n/nix(/.*)?\tx\n"),
            "/a\tx\n/nix/storehouse\tx\n/nix(/.*)?\tx\n/nix/store(/.*)?\t<<none>>\n");
  EXPECT_EQ(image_file_contexts(""), "/nix/store(/.*)?\t<<none>>\n");
}

TEST(LabelsAreRead, OnlyWithARuleForTheFilesystem) {
  check_labels_are_read("small", {"ext4", "squashfs"}, "squashfs");
  EXPECT_EQ(error_of([] {
              check_labels_are_read("small", {"ext4", "xfs"}, "erofs");
            }),
            "cannot label an image of format 'erofs' with policy 'small': without a rule "
            "'fs_use_xattr erofs' "
            "the kernel ignores the labels in the image; the policy has such rules for ext4, xfs");
  EXPECT_EQ(error_of([] { check_labels_are_read("small", {}, "ext4"); }),
            "cannot label an image of format 'ext4' with policy 'small': without a rule "
            "'fs_use_xattr ext4' the "
            "kernel ignores the labels in the image; the policy has such rules for none");
}

TEST(LevelFaults, AreFoundInEachForm) {
  auto faults = [](std::string_view file, std::string_view text, bool mls) {
    std::vector<std::string> found;
    find_level_faults(file, text, mls, found);
    return found;
  };
  EXPECT_EQ(faults("contexts/files/media", "cdrom a:b:c:s0\n", false),
            (std::vector<std::string>{"cannot use 'contexts/files/media' line 1: 'a:b:c:s0' has a "
                                      "level, and the policy is not MLS"}));
  EXPECT_EQ(faults("contexts/failsafe_context", "a:b:s0", false).size(), 1u);
  EXPECT_EQ(faults("contexts/failsafe_context", "a:b:s0-s1:c0.c3", true).size(), 0u);
  EXPECT_EQ(faults("contexts/removable_context", "a:b:c\n", true).size(), 1u);
  EXPECT_EQ(faults("contexts/default_type", "a_r:a_t\n", true).size(), 0u);
  EXPECT_EQ(faults("contexts/x_contexts", "property * a:b:c\n", true).size(), 0u);
  EXPECT_EQ(faults("seusers", "a:b:c\n", true).size(), 0u);
}

TEST(ContextsFolder, IsBesideTheModulesOrWhereDistributionsPutIt) {
  tests::TempDir root;
  auto make = [&](const std::string& path) { std::filesystem::create_directories(root / path); };
  auto found = [&](const std::string& path) { return find_contexts_folder(root / path); };
  make("usr/share/selinux/default");
  EXPECT_EQ(error_of([&] { found("usr/share/selinux/default"); }),
            "cannot find the application contexts of '" + root / "usr/share/selinux/default" +
                "': no folder '" + root / "usr/share/selinux/default/contexts" + "', '" +
                root / "usr/etc/selinux/default/contexts" + "', '" +
                root / "etc/selinux/default/contexts" + "'; name it with --contexts");
  make("etc/selinux/default/contexts");
  EXPECT_EQ(found("usr/share/selinux/default"), root / "etc/selinux/default/contexts");
  EXPECT_EQ(found("usr/share/selinux/default/"), root / "etc/selinux/default/contexts");
  make("usr/share/selinux/default/contexts");
  EXPECT_EQ(found("usr/share/selinux/default"), root / "usr/share/selinux/default/contexts");

  make("out/share/selinux/refpolicy");
  make("out/etc/selinux/refpolicy/contexts");
  EXPECT_EQ(found("out/share/selinux/refpolicy"), root / "out/etc/selinux/refpolicy/contexts");
  std::filesystem::create_symlink("out/share/selinux/refpolicy", root / "policy");
  EXPECT_EQ(
      found("policy"),
      (std::filesystem::canonical(root.path()) / "out/etc/selinux/refpolicy/contexts").string());

  make("own");
  EXPECT_EQ(error_of([&] { found("own"); }),
            "cannot find the application contexts of '" + root / "own" + "': no folder '" +
                root / "own/contexts" + "'; name it with --contexts");
}

}  // namespace
}  // namespace policy
