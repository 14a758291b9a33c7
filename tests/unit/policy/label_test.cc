// SPDX-License-Identifier: Apache-2.0
#include "policy/label.h"

#include <gtest/gtest.h>

#include "imagefmt/dump.h"
#include "policy/etc_selinux.h"
#include "policy/exact_contexts.h"
#include "tests/support/random_tree.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/label_sample.h"

namespace policy {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using imagefmt::SilentReporter;
using tests::error_of;
using tests::input_for;
using tests::kPolicy;
using tests::Sample;

TEST(Label, SeesStoreFilesAtTheirPlaces) {
  Sample sample;
  const std::string ssh = "/nix/store/1-openssh";
  sample.file(ssh + "/bin/sshd");  // the policy has it in sbin
  sample.file(ssh + "/bin/ssh");
  sample.file(ssh + "/sbin/login");
  sample.file(ssh + "/bin/doublexx");  // plain text over `d.*`
  sample.file(ssh + "/bin/dx");
  sample.file(ssh + "/bin/.sshd-wrapped");
  sample.file(ssh + "/bin/.login-wrapped__");
  sample.file(ssh + "/bin/sub/sshd");
  sample.file(ssh + "/lib/modules/6.1/a.ko");
  sample.file(ssh + "/lib/systemd/system/x.service");
  sample.file(ssh + "/etc/shadow");
  sample.file(ssh + "/var/x");
  sample.file(ssh + "/nix-support/setup");
  sample.file(ssh + "/caf\xc3\xa9 \xff");
  sample.link(ssh + "/lib64", "lib");
  sample.file("/nix/store/2-script", 0555);
  sample.file("/nix/store/2-data.conf");
  sample.link("/nix/store/2-link", "1-openssh");
  ASSERT_EQ(sample.label_all(), "(no error)");
  const std::pair<const char*, const char*> kExpected[] = {
      {"", "skeleton"},
      {"/bin", "bin"},
      {"/bin/sshd", "sshd_exec"},
      {"/bin/ssh", "bin"},
      {"/sbin/login", "login_exec"},
      {"/bin/doublexx", "own_exec"},
      {"/bin/dx", "d_regex"},
      {"/bin/.sshd-wrapped", "sshd_exec"},
      {"/bin/.login-wrapped__", "login_exec"},
      {"/bin/sub/sshd", "bin"},
      {"/lib", "lib"},
      {"/lib/modules", "modules"},
      {"/lib/modules/6.1/a.ko", "modules"},
      {"/lib/systemd", "lib"},
      {"/lib/systemd/system/x.service", "unit"},
      {"/etc", "etc"},
      {"/etc/shadow", "shadow"},
      {"/var/x", "var"},
      {"/nix-support", "usr"},
      {"/caf\xc3\xa9 \xff", "usr"},
      {"/lib64", "usr"},
  };
  for (const auto& [path, expected] : kExpected) EXPECT_EQ(sample.of(ssh + path), expected) << path;
  EXPECT_EQ(sample.of("/nix/store/2-script"), "bin");
  EXPECT_EQ(sample.of("/nix/store/2-data.conf"), "usr");
  EXPECT_EQ(sample.of("/nix/store/2-link"), "skeleton");
  EXPECT_EQ(sample.of("/nix"), "skeleton");
  EXPECT_EQ(sample.of("/nix/store"), "skeleton");
  EXPECT_EQ(sample.of("/"), "root");
}

TEST(Label, KnowsTheRolesOfStorePaths) {
  Sample sample;
  sample.role("1-unit-a.service", StorePathRole::kUnit);
  sample.role("1-system-units", StorePathRole::kSystemUnits);
  sample.role("1-user-units", StorePathRole::kUserUnits);
  sample.role("1-linux", StorePathRole::kKernel);
  sample.role("1-initrd", StorePathRole::kInitrd);
  sample.role("2-initrd", StorePathRole::kInitrd);
  sample.role("1-nixos-system", StorePathRole::kToplevel);
  const std::pair<const char*, const char*> kFiles[] = {
      {"/nix/store/1-unit-a.service/a.service", "unit"},
      {"/nix/store/1-unit-a.service/a.service.d/overrides.conf", "unit"},
      {"/nix/store/1-system-units/b.service", "unit"},
      {"/nix/store/1-user-units/b.service", "user_unit"},
      {"/nix/store/1-linux/bzImage", "boot"},
      {"/nix/store/1-linux/System.map", "map"},
      {"/nix/store/1-linux/lib/modules/6.1/x.ko", "modules"},
      {"/nix/store/1-initrd/initrd", "boot"},
      {"/nix/store/2-initrd", "boot"},
      {"/nix/store/1-nixos-system/nixos-version", "usr"},
      {"/nix/store/1-unit-script-a/bin/a-start", "bin"},
  };
  for (const auto& file : kFiles) sample.file(file.first);
  sample.file("/nix/store/1-nixos-system/init", 0555);
  sample.file("/nix/store/1-nixos-system/bin/switch-to-configuration", 0555);
  sample.link("/nix/store/1-nixos-system/sw", "/nix/store/1-sw");
  sample.link("/nix/store/1-nixos-system/specialisation/other", "/nix/store/2-nixos-system");
  ASSERT_EQ(sample.label_all(), "(no error)");
  for (const auto& file : kFiles) EXPECT_EQ(sample.of(file.first), file.second) << file.first;
  EXPECT_EQ(sample.of("/nix/store/1-nixos-system/init"), "bin");
  EXPECT_EQ(sample.of("/nix/store/1-nixos-system/bin/switch-to-configuration"), "bin");
  EXPECT_EQ(sample.of("/nix/store/1-nixos-system/sw"), "skeleton");
  EXPECT_EQ(sample.of("/nix/store/1-nixos-system/specialisation/other"), "skeleton");
  EXPECT_EQ(sample.of("/nix/store/1-unit-a.service"), "skeleton");
}

TEST(Label, GivesTheRootItsOwnPathsAndItsLinksTheSkeleton) {
  Sample sample;
  for (const char* path : {"/proc", "/run/x", "/tmp", "/nix/var/nix/profiles"}) sample.folder(path);
  sample.file("/init");
  sample.file("/etc/shadow");
  sample.link("/usr", "nix/store/1-sw");
  sample.link("/bin", "usr/bin");
  sample.link("/vmlinuz", "x");
  sample.link("/nix/var/nix/profiles/system", "/nix/store/1-nixos-system");
  ASSERT_EQ(sample.label_all(), "(no error)");
  EXPECT_EQ(sample.of("/proc"), "root");  // <<none>>: as if made in its folder
  EXPECT_EQ(sample.of("/run/x"), "run");
  EXPECT_EQ(sample.of("/tmp"), "tmp");
  EXPECT_EQ(sample.of("/init"), "bin");
  EXPECT_EQ(sample.of("/etc/shadow"), "shadow");
  EXPECT_EQ(sample.of("/usr"), "skeleton");
  EXPECT_EQ(sample.of("/bin"), "skeleton");
  EXPECT_EQ(sample.of("/vmlinuz"), "boot");  // a rule with -l speaks of it
  EXPECT_EQ(sample.of("/nix/var/nix/profiles/system"), "skeleton");
  EXPECT_EQ(sample.report.inodes, 16u);
  EXPECT_EQ(sample.report.by_folder, 2u);
  EXPECT_EQ(sample.report.by_skeleton, 3u);
  EXPECT_EQ(sample.report.by_context, (std::map<std::string, uint64_t>{{"bin", 1},
                                                                       {"boot", 1},
                                                                       {"etc", 1},
                                                                       {"root", 2},
                                                                       {"run", 2},
                                                                       {"shadow", 1},
                                                                       {"skeleton", 7},
                                                                       {"tmp", 1}}));
  EXPECT_EQ(sample.report.by_rule.at(1), 1u);  // `/`
}

TEST(Label, FollowsTheLinksOfEtc) {
  Sample sample;
  // As NixOS makes it: /etc/X -> /etc/static/X -> a store path of its own.
  sample.link("/etc/static", "/nix/store/1-etc/etc");
  for (const char* name : {"issue", "shadow"}) {
    sample.link(std::string("/etc/") + name, std::string("/etc/static/") + name);
    sample.link(std::string("/nix/store/1-etc/etc/") + name, std::string("../../2-") + name);
  }
  sample.file("/nix/store/2-issue");
  sample.link("/nix/store/2-shadow", "3-shadow");
  sample.file("/nix/store/3-shadow");
  // Folders, of which one leads on to another and back to itself.
  sample.link("/etc/ssl", "/nix/store/1-cacert");
  sample.file("/nix/store/1-cacert/bundle.crt");
  sample.link("/nix/store/1-cacert/self", ".");
  sample.link("/nix/store/1-cacert/more", "/nix/store/2-more");
  sample.file("/nix/store/2-more/deep/file");
  sample.link("/etc/systemd/system", "/nix/store/1-system-units");
  sample.link("/nix/store/1-system-units/a.service", "/nix/store/1-unit-a/a.service");
  sample.file("/nix/store/1-unit-a/a.service");
  // What has a more specific place keeps it.
  sample.link("/etc/zone", "/nix/store/1-tzdata/share/zone");
  sample.file("/nix/store/1-tzdata/share/zone/UTC");
  // A link to a file counts anywhere, one to a folder does not.
  sample.link("/bin/sh", "/nix/store/1-bash/bin/bash");
  sample.file("/nix/store/1-bash/bin/bash");
  sample.link("/var/lib/all", "/nix/store/1-bash");
  sample.link("/etc/profiles/per-user/me", "/nix/store/1-bash");
  sample.file("/nix/store/1-bash/data");
  // Ways that lead nowhere.
  sample.link("/etc/loop", "loop");
  sample.link("/etc/out", "/run/out");
  sample.link("/etc/above", "../../../../nix/store/4-above");
  sample.file("/nix/store/4-above");
  ASSERT_EQ(sample.label_all(), "(no error)");
  const std::pair<const char*, const char*> kExpected[] = {
      {"/nix/store/1-etc/etc", "etc"},
      {"/nix/store/1-etc/etc/issue", "etc"},
      {"/nix/store/2-issue", "etc"},
      {"/nix/store/2-shadow", "etc"},  // `/etc/shadow` is a rule for files, this is a link
      {"/nix/store/3-shadow", "shadow"},
      {"/nix/store/1-cacert", "skeleton"},
      {"/nix/store/1-cacert/bundle.crt", "cert"},
      {"/nix/store/1-cacert/self", "cert"},
      {"/nix/store/2-more", "skeleton"},
      {"/nix/store/2-more/deep/file", "cert"},
      {"/nix/store/1-system-units/a.service", "unit"},
      {"/nix/store/1-unit-a/a.service", "unit"},
      {"/etc/systemd/system", "unit"},
      {"/nix/store/1-tzdata/share/zone/UTC", "zone"},
      {"/nix/store/1-bash/bin/bash", "shell"},
      {"/nix/store/1-bash/data", "usr"},
      {"/nix/store/4-above", "etc"},
      {"/etc/out", "etc"},
  };
  for (const auto& [path, expected] : kExpected) EXPECT_EQ(sample.of(path), expected) << path;
}

TEST(Label, FollowsTheLinksOfAnEtcThatIsMadeAtBoot) {
  Sample sample;
  sample.role("1-etc", StorePathRole::kEtc);
  sample.link("/nix/store/1-etc/etc/issue", "/nix/store/2-issue");
  sample.file("/nix/store/2-issue");
  sample.link("/nix/store/1-etc/etc/ssl/bundle.crt", "/nix/store/2-bundle");
  sample.file("/nix/store/2-bundle");
  ASSERT_EQ(sample.label_all(), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/2-issue"), "etc");
  EXPECT_EQ(sample.of("/nix/store/2-bundle"), "cert");
  EXPECT_EQ(sample.of("/nix/store/1-etc/etc/ssl/bundle.crt"), "cert");
}

TEST(Label, RefusesLinksThatDisagree) {
  Sample sample;
  sample.link("/etc/ashadow", "/nix/store/1-file");
  sample.link("/etc/shadow", "/nix/store/1-file");
  sample.file("/nix/store/1-file");
  ASSERT_EQ(sample.label_all(), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-file"), "shadow");  // plain text over `/etc/.*`

  sample.file("/nix/store/2-file");
  sample.link("/etc/one", "/nix/store/2-file");
  sample.link("/etc/two", "/nix/store/2-file");
  std::string policy = std::string(kPolicy) + "/etc/one -- first\n/etc/two -- second\n";
  EXPECT_EQ(sample.label_all(policy),
            "cannot label '/nix/store/2-file': the root's tree links to it from '/etc/one', which "
            "gives 'first' (fc:34), and from '/etc/two', which gives 'second' (fc:35)");
}

TEST(Label, ReportsAllPathsWithoutARule) {
  Sample sample;
  sample.file("/data/x");
  sample.link("/opt/l", "x");
  sample.file("/nix/store/1-a/bin/x");
  EXPECT_EQ(sample.label_all("/ -d root\n/nix(/.*)? nix\n/.* catch\n/usr -d usr\n"),
            "cannot label '/data': no rule matches this directory but the catch-all '/.*' (fc:3)\n"
            "cannot label '/data/x': no rule matches this file but the catch-all '/.*' (fc:3)\n"
            "cannot label '/nix/store/1-a/bin': no rule matches this directory, seen as '/usr/bin' "
            "but the catch-all '/.*' (fc:3)\n"
            "cannot label '/nix/store/1-a/bin/x': no rule matches this file, seen as "
            "'/usr/bin/x' but the catch-all '/.*' (fc:3)\n"
            "cannot label '/opt': no rule matches this directory but the catch-all '/.*' (fc:3)\n"
            "cannot label '/opt/l': no rule matches this symlink but the catch-all '/.*' (fc:3)");
  EXPECT_EQ(sample.label_all("/x x\n").substr(0, 58),
            "cannot label '/': no rule matches this directory\ncannot la");
}

TEST(Label, NamesTheRuleOfAContextThatThePolicyDoesNotKnow) {
  Sample sample;
  sample.file("/etc/shadow");
  LabelInput input = input_for(kPolicy);
  input.context_is_valid = [](std::string_view context) {
    return context != "shadow" && context != "unit";
  };
  SilentReporter silent;
  EXPECT_EQ(error_of([&] { label(sample.tree, input, silent); }),
            "cannot label '/etc/shadow': the policy does not know 'shadow' (fc:31: /etc/shadow)");
}

TEST(Label, FallsBackToUsrForTheSkeletonOfAForeignPolicy) {
  Sample sample;
  sample.file("/nix/store/1-a/bin/x");
  sample.link("/nix/var/nix/profiles/system", "/nix/store/1-a");
  ASSERT_EQ(sample.label_all("/ -d root\n/usr -d usr\n/usr/bin(/.*)? bin\n"), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-a"), "usr");
  EXPECT_EQ(sample.of("/nix/store"), "usr");
  EXPECT_EQ(sample.of("/nix/var/nix/profiles/system"), "usr");
  // What an image carries says <<none>> of the store.
  ASSERT_EQ(sample.label_all(image_file_contexts(kPolicy)), "(no error)");
  EXPECT_EQ(sample.of("/nix/store/1-a"), "skeleton");
  EXPECT_EQ(sample.label_all("/ -d root\n/usr/bin(/.*)? bin\n").substr(0, 109),
            "cannot label '/nix': no rule for the store's own layout, neither for '/nix/store' nor "
            "for '/usr'\ncannot label");
}

TEST(Label, MatchesPathsAsTheyAreWithoutProjection) {
  Sample sample;
  sample.file("/nix/store/1-a/bin/sshd");
  sample.link("/bin", "usr/bin");
  sample.file("/run/x");
  sample.file("/data");
  LabelInput input = input_for(kPolicy);
  input.project_store = false;
  SilentReporter silent;
  LabelReport report = label(sample.tree, input, silent);
  EXPECT_EQ(sample.of("/nix/store/1-a/bin/sshd"), "skeleton");
  EXPECT_EQ(sample.of("/bin"), "bin");
  EXPECT_EQ(sample.of("/run/x"), "run");
  EXPECT_EQ(sample.of("/data"), "default");
  EXPECT_EQ(report.by_catch_all, 1u);
}

TEST(Label, DoesNotDependOnThreads) {
  Sample one;
  for (int i = 0; i < 300; ++i) {
    std::string path = "/nix/store/" + std::to_string(i) + "-p";
    for (const char* file : {"/bin/sshd", "/bin/x", "/lib/modules/y", "/share/z"})
      one.file(path + file);
    one.link("/etc/e" + std::to_string(i), path + "/share/z");
  }
  FileTree four = one.tree.clone();
  SilentReporter silent;
  LabelInput input = input_for(kPolicy);
  LabelReport serial = label(one.tree, input, silent);
  input.jobs = 4;
  LabelReport parallel = label(four, input, silent);
  EXPECT_TRUE(one.tree == four);
  EXPECT_EQ(serial.by_rule, parallel.by_rule);
  EXPECT_EQ(serial.by_label_rule, parallel.by_label_rule);
  EXPECT_EQ(serial.by_context, parallel.by_context);
  EXPECT_EQ(serial.inodes, parallel.inodes);
}

TEST(Label, BoundsLinksThatMultiply) {
  Sample sample;
  const int kFolders = 12;
  for (int i = 0; i < kFolders; ++i) {
    std::string folder = "/nix/store/" + std::to_string(i) + "-d";
    for (int j = 0; j < kFolders; ++j) {
      sample.link(folder + "/" + std::to_string(j), "/nix/store/" + std::to_string(j) + "-d");
    }
    sample.link("/etc/" + std::to_string(i), folder);
  }
  EXPECT_EQ(sample.label_all(),
            "cannot label the tree: its links below /etc lead to more than 400000 names");
}

TEST(Explain, SaysWhichRuleAndPlaceCount) {
  Sample sample;
  sample.file("/nix/store/1-openssh/bin/sshd");
  sample.folder("/proc/x");
  LabelInput input = input_for(kPolicy);
  Explanation sshd = explain(sample.tree, input, "/nix/store/1-openssh/bin/sshd");
  EXPECT_EQ(sshd.label.text(), "sshd_exec");
  EXPECT_EQ(sshd.place, "/usr/sbin/sshd");
  EXPECT_EQ(input.contexts.place_of(*sshd.rule), "fc:27");
  EXPECT_EQ(sshd.other_places, std::vector<std::string>{"/usr/bin/sshd"});
  Explanation proc = explain(sample.tree, input, "/proc");
  EXPECT_EQ(proc.reason, Explanation::Reason::kFolder);
  EXPECT_EQ(proc.label.text(), "root");
  EXPECT_EQ(explain(sample.tree, input, "/nix/store/1-openssh").reason,
            Explanation::Reason::kSkeleton);
  EXPECT_EQ(error_of([&] { explain(sample.tree, input, "/none"); }),
            "cannot explain '/none': the image has no such path");
}

TEST(ExactContexts, AnswerEachNodeWithItsLabel) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    FileTree tree = tests::random_tree(seed);
    for (const char* path :
         {"/a.b/c", "/a]b/c\\d", "/(x)/{1}", "/new", "/new\n", "/line\n\n", "/line\n", "/b c"}) {
      tree.insert(path, make_directory());
    }
    size_t next = 0;
    walk(tree, [&](const std::string&, imagefmt::Node& node) {
      node.label = imagefmt::Label("u:r:t" + std::to_string(next++));
    });
    FileContexts exact = FileContexts::parse({{{"exact", serialize_exact_contexts(tree)}}, {}});
    size_t rules = 0;
    walk(tree, [&](const std::string& path, const imagefmt::Node& node) {
      ++rules;
      const ContextRule* rule = exact.lookup(path, type_of(node));
      ASSERT_TRUE(rule) << imagefmt::escape(path);
      EXPECT_EQ(rule->context.text(), node.label.text()) << imagefmt::escape(path);
    });
    EXPECT_EQ(exact.rules().size(), rules);
  }
}

TEST(ExactContexts, EscapeAsLibselinuxReads) {
  EXPECT_EQ(escape_pattern("/a.b c\xc3\xa9]\\"), "/a\\.b[\\x20]c[\\xc3][\\xa9][\\x5d][\\x5c]");
}

}  // namespace
}  // namespace policy
