// SPDX-License-Identifier: Apache-2.0
#include "builder/assemble.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "builder/activation.h"
#include "builder/etc.h"
#include "imagefmt/dump.h"
#include "tests/unit/builder/nixos_store.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;
using tests::NixosStore;

/// What is left of a dump without the store.
std::vector<std::string> dump_root(const Assembly& assembly, std::string_view below = "/") {
  std::vector<std::string> lines;
  for (std::string& line : imagefmt::dump(assembly.root.tree())) {
    bool in_store = line.starts_with("/nix/store/");
    if (!in_store && line.starts_with(below)) lines.push_back(std::move(line));
  }
  return lines;
}

std::string text_of(const Assembly& assembly, std::string_view path) {
  return assembly.root.tree().find(path)->regular()->content.read_all();
}

std::string target_of(const Assembly& assembly, std::string_view path) {
  const imagefmt::Node* node = assembly.root.tree().find(path);
  return node && node->symlink() ? node->symlink()->target : "(no link)";
}

TEST(Assemble, MakesARootThatNeedsNoActivation) {
  NixosStore store;
  store.text(store.etc + "/hostname", "box\n");
  store.link(store.etc + "/os-release", store.conf + "/os-release");
  store.activate("#### Activation script snippet users:\nperl -w up.pl " + store.users_json + "\n");
  store.text(store.users_json, R"({"mutableUsers": false, "groups": [
      {"name": "root", "gid": 0, "members": []}, {"name": "shadow", "gid": 318}],
      "users": [{"name": "root", "uid": 0, "group": "root", "description": "System administrator",
                 "home": "/root", "shell": "/run/current-system/sw/bin/bash"}]})");
  Assembly assembly = store.assemble();
  EXPECT_THAT(assembly.warnings, IsEmpty());
  EXPECT_EQ(assembly.init, "/init");
  uint64_t init_size = sealed_init("x86_64").size();
  EXPECT_EQ(dump_root(assembly),
            (std::vector<std::string>{
                "/\td\t0755\t0\t0\t0\t-",
                "/bin\td\t0755\t0\t0\t0\t-",
                "/bin/sh\tl\t0777\t0\t0\t63\t-\t" + store.toplevel + "/sw/bin/sh",
                "/boot\td\t0755\t0\t0\t0\t-",
                "/dev\td\t0755\t0\t0\t0\t-",
                "/etc\td\t0755\t0\t0\t0\t-",
                "/etc/NIXOS\tf\t0644\t0\t0\t0\t-",
                "/etc/group\tf\t0644\t0\t0\t24\t-",
                "/etc/hostname\tl\t0777\t0\t0\t20\t-\t/etc/static/hostname",
                "/etc/machine-id\tf\t0444\t0\t0\t0\t-",
                "/etc/mtab\tl\t0777\t0\t0\t12\t-\t/proc/mounts",
                "/etc/os-release\tl\t0777\t0\t0\t22\t-\t/etc/static/os-release",
                "/etc/passwd\tf\t0644\t0\t0\t70\t-",
                "/etc/shadow\tf\t0640\t0\t318\t15\t-",
                "/etc/static\tl\t0777\t0\t0\t51\t-\t" + store.etc,
                "/etc/subgid\tf\t0644\t0\t0\t1\t-",
                "/etc/subuid\tf\t0644\t0\t0\t1\t-",
                "/home\td\t0755\t0\t0\t0\t-",
                "/init\tf\t0555\t0\t0\t" + std::to_string(init_size) + "\t-",
                "/mnt\td\t0755\t0\t0\t0\t-",
                "/nix\td\t0755\t0\t0\t0\t-",
                "/nix/store\td\t0755\t0\t0\t0\t-",
                "/nix/var\td\t0755\t0\t0\t0\t-",
                "/nix/var/nix\td\t0755\t0\t0\t0\t-",
                "/nix/var/nix/gcroots\td\t0755\t0\t0\t0\t-",
                "/nix/var/nix/gcroots/booted-system\tl\t0777\t0\t0\t18\t-\t/run/booted-system",
                "/nix/var/nix/gcroots/current-system\tl\t0777\t0\t0\t19\t-\t/run/current-system",
                "/nix/var/nix/profiles\td\t0755\t0\t0\t0\t-",
                "/nix/var/nix/profiles/system\tl\t0777\t0\t0\t13\t-\tsystem-1-link",
                "/nix/var/nix/profiles/system-1-link\tl\t0777\t0\t0\t53\t-\t" + store.toplevel,
                "/proc\td\t0555\t0\t0\t0\t-",
                "/root\td\t0700\t0\t0\t0\t-",
                "/run\td\t0755\t0\t0\t0\t-",
                "/sbin\td\t0755\t0\t0\t0\t-",
                "/sbin/init\tl\t0777\t0\t0\t5\t-\t/init",
                "/sys\td\t0555\t0\t0\t0\t-",
                "/tmp\td\t1777\t0\t0\t0\t-",
                "/usr\td\t0755\t0\t0\t0\t-",
                "/usr/bin\td\t0755\t0\t0\t0\t-",
                "/usr/bin/env\tl\t0777\t0\t0\t64\t-\t" + store.toplevel + "/sw/bin/env",
                "/var\td\t0755\t0\t0\t0\t-",
                "/var/cache\td\t0755\t0\t0\t0\t-",
                "/var/db\td\t0755\t0\t0\t0\t-",
                "/var/empty\td\t0555\t0\t0\t0\t-",
                "/var/lib\td\t0755\t0\t0\t0\t-",
                "/var/lock\tl\t0777\t0\t0\t9\t-\t/run/lock",
                "/var/log\td\t0755\t0\t0\t0\t-",
                "/var/run\tl\t0777\t0\t0\t4\t-\t/run",
                "/var/spool\td\t0755\t0\t0\t0\t-",
                "/var/tmp\td\t1777\t0\t0\t0\t-",
            }));
  EXPECT_EQ(text_of(assembly, "/etc/passwd"),
            "root:x:0:0:System administrator:/root:/run/current-system/sw/bin/bash\n");
  EXPECT_EQ(text_of(assembly, "/etc/shadow"), "root:!:1::::::\n");
}

TEST(Assemble, GivesEverythingTheTimeThatWasAskedFor) {
  NixosStore store;
  store.link(store.etc + "/hosts", store.conf + "/hosts");
  store.options.mtime = 1700000000;
  Assembly assembly = store.assemble();
  walk(assembly.root.tree(), [](const std::string& path, const imagefmt::Node& node) {
    bool in_store = path.starts_with("/nix/store");
    EXPECT_EQ(node.mtime, in_store ? 1 : 1700000000) << path;
  });
}

TEST(Assemble, StartsTheClosuresOwnInit) {
  NixosStore store;
  store.activate("#### Activation script snippet custom:\necho hi\n");
  store.options.init = InitKind::kClosure;
  Assembly assembly = store.assemble();
  EXPECT_EQ(assembly.init, store.toplevel + "/init");
  EXPECT_EQ(assembly.root.tree().find("/init"), nullptr);
  EXPECT_EQ(assembly.root.tree().find("/etc/machine-id"), nullptr);
  EXPECT_EQ(target_of(assembly, "/sbin/init"), store.toplevel + "/init");
  EXPECT_THAT(assembly.kernel_params, IsEmpty());
  EXPECT_THAT(assembly.warnings, ElementsAre("the image has no users: the closure has neither "
                                             "users-groups.json, nor /etc/passwd, nor sysusers.d"));
}

TEST(Assemble, HonoursOrReportsEachSnippet) {
  NixosStore store;
  store.link(store.etc + "/passwd", store.conf + "/passwd");
  store.text(store.conf + "/passwd", "root:x:0:0::/root:/bin/sh\n");
  store.activate(R"sh(
#### Activation script snippet binsh:
_localstatus=0
# Create the required /bin/sh symlink
mkdir -m 0755 -p /bin
ln -sfn "/nix/store/h-bash/bin/sh" /bin/.sh.tmp
mv /bin/.sh.tmp /bin/sh # atomically replace /bin/sh

if (( _localstatus > 0 )); then
  printf "Activation script snippet '%s' failed (%s)\n" "binsh" "$_localstatus"
fi

#### Activation script snippet custom-greeting:
_localstatus=0
echo hello > /run/greeting

#### Activation script snippet groups:
_localstatus=0


#### Activation script snippet modprobe:
echo /nix/store/h-kmod/bin/modprobe > /proc/sys/kernel/modprobe
#### Activation script snippet udevd:
if [ -e /proc/sys/kernel/hotplug ]; then
  echo "" > /proc/sys/kernel/hotplug
fi
if [ -e /sys/module/firmware_class/parameters/path ]; then
  echo -n "/nix/store/h-firmware/lib/firmware" > /sys/module/firmware_class/parameters/path
fi
#### Activation script snippet domain:
domainname "example"
#### Activation script snippet usrbinenv:
mkdir -m 0755 -p /usr/bin
ln -sfn /nix/store/h-coreutils/bin/env /usr/bin/.env.tmp
mv /usr/bin/.env.tmp /usr/bin/env # atomically replace /usr/bin/env
#### Activation script snippet wrappers:
chmod 755 /run/wrappers

# Make this configuration the current configuration.
ln -sfn "$(readlink -f "$systemConfig")" /run/current-system
)sh");
  Assembly assembly = store.assemble();
  EXPECT_EQ(target_of(assembly, "/bin/sh"), "/nix/store/h-bash/bin/sh");
  EXPECT_EQ(target_of(assembly, "/usr/bin/env"), "/nix/store/h-coreutils/bin/env");
  EXPECT_THAT(assembly.kernel_params,
              ElementsAre("firmware_class.path=/nix/store/h-firmware/lib/firmware",
                          "sysctl.kernel.domainname=example",
                          "sysctl.kernel.modprobe=/nix/store/h-kmod/bin/modprobe"));
  EXPECT_THAT(
      assembly.warnings,
      ElementsAre("the activation snippet 'custom-greeting' will not run: a sealed image "
                  "activates nothing; make a systemd service of it, or build with --init "
                  "closure",
                  "the activation snippet 'wrappers' makes setuid programs in /run/wrappers, "
                  "which a sealed image lacks: no setuid program can come from the store; "
                  "NixOS 24.11 and later make them in the unit suid-sgid-wrappers.service, "
                  "which works"));
}

TEST(Assemble, RefusesTwoSourcesOfTheAccounts) {
  NixosStore store;
  store.text(store.etc + "/passwd", "root:x:0:0::/root:/bin/sh\n");
  store.text(store.etc + "/passwd.mode", "0644\n");
  store.activate("perl -w up.pl " + store.users_json + "\n");
  store.text(store.users_json, R"({"groups": [], "users": []})");
  EXPECT_EQ(error_of([&] { store.assemble(); }),
            "cannot add '/etc/passwd' from '" + store.users_json +
                "': there is '/etc/passwd', a file from the closure's etc '" + store.etc +
                "', already");
}

TEST(Assemble, TakesAccountsFromSysusers) {
  NixosStore store;
  store.text(store.toplevel + "/sw/lib/sysusers.d/basic.conf",
             "u root 0 \"Super\" /root /bin/bash\n");
  store.text(store.toplevel + "/sw/lib/sysusers.d/gone.conf", "u gone -\n");
  store.link(store.etc + "/sysusers.d/gone.conf", "/dev/null");
  store.text(store.etc + "/sysusers.d/z.conf", "g input -\nu daemon -\n");
  Assembly assembly = store.assemble();
  EXPECT_EQ(text_of(assembly, "/etc/passwd"),
            "root:x:0:0:Super:/root:/bin/bash\ndaemon:x:998:998::/:/usr/sbin/nologin\n");
  EXPECT_EQ(text_of(assembly, "/etc/group"), "root:x:0:\ndaemon:x:998:\ninput:x:999:\n");
  EXPECT_EQ(text_of(assembly, "/etc/shadow"), "root:!*:1::::::\ndaemon:!*:1::::::\n");
}

TEST(Assemble, MakesHomesAndMountPoints) {
  NixosStore store;
  store.activate("perl -w up.pl " + store.users_json + "\n");
  store.text(store.users_json, R"({"groups": [{"name": "users", "gid": 100}], "users": [
      {"name": "alice", "uid": null, "group": "users", "home": "/home/alice", "createHome": true,
       "homeMode": "750", "shell": "/bin/sh", "isSystemUser": false}]})");
  store.text(store.etc + "/fstab",
             "# comment\n/dev/vda / squashfs ro 0 1\ntmpfs /var/log tmpfs\n"
             "LABEL=x /srv/my\\040data ext4 rw\nbad\nnone swap swap\n/dev/vdb /a/../b ext4\n");
  store.link(store.etc + "/systemd/system", store.conf + "/units");
  store.text(store.conf + "/units/persist-a\\x2db.mount", "[Mount]\n");
  store.text(store.conf + "/units/run-wrappers.mount", "[Mount]\n");
  store.text(store.conf + "/units/nix-store-x.mount", "[Mount]\n");
  store.text(store.conf + "/units/-.mount", "[Mount]\n");
  Assembly assembly = store.assemble();
  EXPECT_THAT(dump_root(assembly, "/home/"), ElementsAre("/home/alice\td\t0750\t1000\t100\t0\t-"));
  EXPECT_THAT(dump_root(assembly, "/srv"),
              ElementsAre("/srv\td\t0755\t0\t0\t0\t-", "/srv/my\\040data\td\t0755\t0\t0\t0\t-"));
  EXPECT_THAT(dump_root(assembly, "/persist"),
              ElementsAre("/persist\td\t0755\t0\t0\t0\t-", "/persist/a-b\td\t0755\t0\t0\t0\t-"));
  EXPECT_THAT(dump_root(assembly, "/run"), ElementsAre("/run\td\t0755\t0\t0\t0\t-"));
  EXPECT_EQ(assembly.root.tree().find("/nix/store/x"), nullptr);
  EXPECT_EQ(assembly.root.tree().find("/a"), nullptr);
}

TEST(Assemble, RefusesWhatCannotStart) {
  NixosStore store;
  store.options.toplevel = store.conf;
  EXPECT_EQ(error_of([&] { store.assemble(); }),
            "cannot seal '" + store.conf + "': it has no 'systemd/lib/systemd/systemd'");
  store.options.init = InitKind::kClosure;
  EXPECT_EQ(error_of([&] { store.assemble(); }),
            "cannot start '" + store.conf + "': it has no 'init'");
  NixosStore foreign;
  foreign.options.architecture = "mips";
  EXPECT_EQ(error_of([&] { foreign.assemble(); }), "there is no first process for 'mips'");
}

TEST(Assemble, LeavesBinUsrAndSbinToWhoSuppliesThem) {
  NixosStore store;
  store.contents(R"([{"target": "/bin", "type": "symlink", "source": "usr/bin"},
                     {"target": "/sbin", "type": "symlink", "source": "usr/sbin"},
                     {"target": "/usr", "type": "symlink", "source": "/nix/store/sw"}])");
  Assembly assembly = store.assemble();
  EXPECT_EQ(target_of(assembly, "/bin"), "usr/bin");
  EXPECT_EQ(target_of(assembly, "/sbin"), "usr/sbin");
  EXPECT_EQ(target_of(assembly, "/usr"), "/nix/store/sw");
}

TEST(AddSelinux, KeepsWhatElseTheClosureHas) {
  NixosStore store;
  store.link(store.etc + "/selinux/config", store.conf + "/config");
  store.link(store.etc + "/selinux/semanage.conf", store.conf + "/semanage.conf");
  store.link(store.etc + "/selinux/refpolicy", store.conf + "/old");
  Assembly assembly = store.assemble();
  FileTree policy;
  policy.insert("/config", make_regular(Content::from_bytes("SELINUX=enforcing\n")));
  policy.insert("/refpolicy/policy/policy.33", make_regular(Content::from_bytes("p")));
  add_selinux(assembly.root, std::move(policy));
  EXPECT_THAT(
      dump_root(assembly, "/etc/selinux"),
      ElementsAre("/etc/selinux\td\t0755\t0\t0\t0\t-", "/etc/selinux/config\tf\t0644\t0\t0\t18\t-",
                  "/etc/selinux/refpolicy\td\t0755\t0\t0\t0\t-",
                  "/etc/selinux/refpolicy/policy\td\t0755\t0\t0\t0\t-",
                  "/etc/selinux/refpolicy/policy/policy.33\tf\t0644\t0\t0\t1\t-",
                  "/etc/selinux/semanage.conf\tl\t0777\t0\t0\t33\t-"
                  "\t/etc/static/selinux/semanage.conf"));
}

TEST(AddSelinux, TurnsALinkIntoAFolder) {
  NixosStore store;
  store.link(store.etc + "/selinux", store.conf + "/selinux");
  store.text(store.conf + "/selinux/config", "SELINUX=disabled\n");
  store.text(store.conf + "/selinux/semanage.conf", "");
  Assembly assembly = store.assemble();
  FileTree policy;
  policy.insert("/config", make_regular(Content::from_bytes("SELINUX=enforcing\n")));
  add_selinux(assembly.root, std::move(policy));
  EXPECT_THAT(
      dump_root(assembly, "/etc/selinux"),
      ElementsAre("/etc/selinux\td\t0755\t0\t0\t0\t-", "/etc/selinux/config\tf\t0644\t0\t0\t18\t-",
                  "/etc/selinux/semanage.conf\tl\t0777\t0\t0\t33\t-"
                  "\t/etc/static/selinux/semanage.conf"));
}

TEST(AddSelinux, RefusesASecondSource) {
  NixosStore store;
  store.contents(R"([{"target": "/etc/selinux/config", "type": "symlink", "source": "/x"}])");
  Assembly assembly = store.assemble();
  FileTree policy;
  policy.insert("/config", make_regular(Content::from_bytes("SELINUX=enforcing\n")));
  EXPECT_EQ(error_of([&] { add_selinux(assembly.root, std::move(policy)); }),
            "cannot add '/etc/selinux/config' from the policy: there is '/etc/selinux/config', a "
            "symlink from entry 1 of 'contents.json', already");
}

TEST(AddSelinux, RefusesASecondSourceBelowAFolder) {
  NixosStore store;
  store.link(store.etc + "/selinux/refpolicy/seusers", store.conf + "/seusers");
  store.contents(R"([{"target": "/etc/selinux/refpolicy/x", "type": "symlink", "source": "/x"}])");
  Assembly assembly = store.assemble();
  FileTree policy;
  policy.insert("/refpolicy/seusers", make_regular(Content::from_bytes("")));
  EXPECT_EQ(error_of([&] { add_selinux(assembly.root, std::move(policy)); }),
            "cannot add '/etc/selinux/refpolicy' from the policy: there is "
            "'/etc/selinux/refpolicy/x', a symlink from entry 1 of 'contents.json', already");
}

TEST(AddSelinux, RefusesALinkThatTheUserSupplies) {
  NixosStore store;
  store.contents(R"([{"target": "/etc/selinux", "type": "symlink", "source": "/x"}])");
  Assembly assembly = store.assemble();
  EXPECT_EQ(error_of([&] { add_selinux(assembly.root, FileTree()); }),
            "cannot add '/etc/selinux' from the policy: there is '/etc/selinux', a symlink from "
            "entry 1 of 'contents.json', already");
}

TEST(ActivationRules, AreSortedAndWhole) {
  std::span<const ActivationRule> rules = activation_rules();
  EXPECT_TRUE(std::is_sorted(rules.begin(), rules.end(),
                             [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const ActivationRule& rule : rules) {
    EXPECT_FALSE(rule.does.empty() || rule.how.empty()) << rule.name;
  }
}

TEST(ParseActivation, RefusesTwoUserSpecifications) {
  EXPECT_EQ(error_of([] {
              parse_activation(
                  "a /nix/store/x-users-groups.json\n"
                  "b /nix/store/x-users-groups.json\n"
                  "b '/nix/store/y-users-groups.json'\n",
                  "activate");
            }),
            "activate:3: names '/nix/store/y-users-groups.json', and "
            "'/nix/store/x-users-groups.json' was named before");
}

}  // namespace
}  // namespace builder
