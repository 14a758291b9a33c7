// SPDX-License-Identifier: Apache-2.0
//
// The labels that a NixOS-shaped tree must get from Debian's refpolicy.
#include <gtest/gtest.h>

#include "policy/exact_contexts.h"
#include "policy/label.h"
#include "tests/unit/policy/libselinux.h"

namespace policy {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::make_regular;
using imagefmt::make_symlink;

struct Anchor {
  const char* path;
  const char* type;
};

constexpr Anchor kFiles[] = {
    {"/nix/store/1-glibc/lib/ld-linux-x86-64.so.2", "ld_so_t"},
    {"/nix/store/1-glibc/lib/libc.so.6", "lib_t"},
    {"/nix/store/1-glibc/etc/ld.so.cache", "ld_so_cache_t"},
    {"/nix/store/1-bash/bin/bash", "shell_exec_t"},
    {"/nix/store/1-systemd/lib/systemd/systemd", "init_exec_t"},
    {"/nix/store/1-systemd/lib/systemd/systemd-journald", "syslogd_exec_t"},
    {"/nix/store/1-systemd/lib/systemd/systemd-logind", "systemd_logind_exec_t"},
    {"/nix/store/1-systemd/bin/systemctl", "bin_t"},
    {"/nix/store/1-systemd/bin/udevadm", "udev_exec_t"},
    {"/nix/store/1-openssh/bin/sshd", "sshd_exec_t"},
    {"/nix/store/1-openssh/bin/.sshd-wrapped", "sshd_exec_t"},
    {"/nix/store/1-openssh/bin/ssh", "ssh_exec_t"},
    {"/nix/store/1-openssh/bin/ssh-keygen", "ssh_keygen_exec_t"},
    {"/nix/store/1-cron/sbin/cron", "crond_exec_t"},
    {"/nix/store/1-cron/bin/crontab", "crontab_exec_t"},
    {"/nix/store/1-util-linux/bin/agetty", "getty_exec_t"},
    {"/nix/store/1-util-linux/bin/mount", "mount_exec_t"},
    {"/nix/store/1-util-linux/bin/fsck", "fsadm_exec_t"},
    {"/nix/store/1-shadow/bin/login", "login_exec_t"},
    {"/nix/store/1-shadow/bin/passwd", "passwd_exec_t"},
    {"/nix/store/1-dbus/bin/dbus-daemon", "dbusd_exec_t"},
    {"/nix/store/1-nginx/bin/nginx", "httpd_exec_t"},
    {"/nix/store/1-kmod/bin/modprobe", "kmod_exec_t"},
    {"/nix/store/1-coreutils/bin/ls", "bin_t"},
    {"/nix/store/1-tzdata/share/zoneinfo/UTC", "locale_t"},
    {"/nix/store/1-man/share/man/man1/ls.1", "man_t"},
    {"/nix/store/1-kernel-modules/lib/modules/6.1/kernel/fs/ext4.ko", "modules_object_t"},
    {"/nix/store/1-kernel-modules/lib/modules/6.1/modules.dep", "modules_dep_t"},
    {"/nix/store/1-firmware/lib/firmware/x.bin", "lib_t"},
    {"/nix/store/1-linux/bzImage", "boot_t"},
    {"/nix/store/1-linux/System.map", "system_map_t"},
    {"/nix/store/1-initrd/initrd", "boot_t"},
    {"/nix/store/1-unit-x.service/x.service", "systemd_unit_t"},
    {"/nix/store/1-unit-script-x/bin/x-start", "bin_t"},
    {"/nix/store/1-issue", "etc_t"},
    {"/nix/store/1-data", "usr_t"},
    {"/etc/shadow", "shadow_t"},
    {"/etc/ssh/ssh_host_ed25519_key", "sshd_key_t"},
    {"/init", "bin_t"},
};
constexpr Anchor kOthers[] = {
    {"/", "root_t"},
    {"/nix", "nix_store_t"},
    {"/nix/store", "nix_store_t"},
    {"/nix/store/1-bash", "nix_store_t"},
    {"/nix/store/1-bash/bin", "bin_t"},
    {"/nix/store/1-glibc/lib", "lib_t"},
    {"/nix/store/1-nixos-system/systemd", "nix_store_t"},
    {"/nix/store/1-system-units/x.service", "systemd_unit_t"},
    {"/nix/store/1-etc/etc", "etc_t"},
    {"/nix/store/1-etc/etc/issue", "etc_t"},
    {"/etc", "etc_t"},
    {"/etc/issue", "etc_t"},
    {"/etc/systemd/system", "systemd_unit_t"},
    {"/usr", "nix_store_t"},
    {"/bin", "nix_store_t"},
    {"/proc", "root_t"},
    {"/sys", "sysfs_t"},
    {"/dev", "device_t"},
    {"/run", "var_run_t"},
    {"/tmp", "tmp_t"},
    {"/var", "var_t"},
};

FileTree sample_tree() {
  FileTree tree;
  for (const Anchor& file : kFiles) {
    tree.insert(file.path, make_regular(Content::from_bytes("x"), 0444));
  }
  for (const char* folder : {"/proc", "/sys", "/dev", "/run", "/tmp", "/var"}) {
    tree.insert(folder, make_directory());
  }
  const std::pair<const char*, const char*> kLinks[] = {
      {"/usr", "/nix/store/1-system-path"},
      {"/bin", "usr/bin"},
      {"/nix/store/1-nixos-system/systemd", "/nix/store/1-systemd"},
      {"/nix/store/1-system-units/x.service", "/nix/store/1-unit-x.service/x.service"},
      {"/etc/static", "/nix/store/1-etc/etc"},
      {"/etc/issue", "/etc/static/issue"},
      {"/nix/store/1-etc/etc/issue", "/nix/store/1-issue"},
      {"/etc/systemd/system", "/nix/store/1-system-units"},
  };
  for (const auto& [path, target] : kLinks) tree.insert(path, make_symlink(target));
  return tree;
}

LabelInput refpolicy_input(FileContextsText text) {
  // As policy/nixos/store.cil adds to it.
  std::string& rules = text.rules[0].text;
  rules.insert(rules.find('\n') + 1, "/nix(/.*)?\tsystem_u:object_r:nix_store_t:s0\n");
  rules += "/init\t--\tsystem_u:object_r:bin_t:s0\n";
  LabelInput input;
  input.contexts = FileContexts::parse(text);
  input.store_paths = {{"1-nixos-system", StorePathRole::kToplevel},
                       {"1-system-units", StorePathRole::kSystemUnits},
                       {"1-unit-x.service", StorePathRole::kUnit},
                       {"1-linux", StorePathRole::kKernel},
                       {"1-initrd", StorePathRole::kInitrd}};
  return input;
}

TEST(LabelRefpolicy, GivesTheAnchorsTheirTypes) {
  FileContextsText text = oracle::refpolicy_contexts();
  REQUIRE_REFPOLICY(text);
  FileTree tree = sample_tree();
  imagefmt::SilentReporter silent;
  LabelReport report = label(tree, refpolicy_input(text), silent);
  auto expect = [&](const Anchor& anchor) {
    ASSERT_TRUE(tree.find(anchor.path)) << anchor.path;
    EXPECT_EQ(tree.find(anchor.path)->label.text(),
              "system_u:object_r:" + std::string(anchor.type) + ":s0")
        << anchor.path;
  };
  for (const Anchor& anchor : kFiles) expect(anchor);
  for (const Anchor& anchor : kOthers) expect(anchor);
  EXPECT_EQ(report.inodes, imagefmt::totals(tree).inodes);
}

TEST(LabelRefpolicy, ExactContextsAreWhatLibselinuxReads) {
  FileContextsText text = oracle::refpolicy_contexts();
  REQUIRE_REFPOLICY(text);
  FileTree tree = sample_tree();
  tree.insert("/etc/caf\xc3\xa9 (1).conf", make_regular(Content::from_bytes("x")));
  imagefmt::SilentReporter silent;
  label(tree, refpolicy_input(text), silent);
  oracle::Libselinux reference({{{"exact", serialize_exact_contexts(tree)}}, {}});
  walk(tree, [&](const std::string& path, const imagefmt::Node& node) {
    EXPECT_EQ(reference.lookup(path, type_of(node)), node.label.text()) << path;
  });
}

}  // namespace
}  // namespace policy
