// SPDX-License-Identifier: Apache-2.0
#include "policy/rule_origins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/file.h"
#include "policy/homedirs.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/policy/cil_samples.h"
#include "tests/unit/policy/libselinux.h"

namespace policy {
namespace {

using testing::ElementsAre;
using tests::error_of;

using Texts = std::vector<std::string>;

/// A line a rule: pattern, then where it comes from.
Texts origins(const std::vector<Module>& modules, const FileContextsText& text,
              const Texts& home_templates = {}) {
  const FileContexts contexts = FileContexts::parse(text);
  Texts lines;
  const auto found = find_rule_origins(modules, contexts, home_templates);
  for (size_t i = 0; i < found.size(); ++i) {
    lines.push_back(contexts.rules()[i].pattern + ':');
    for (const RuleOrigin& origin : found[i]) {
      lines.back() += fmt::format(" {}, {};", origin.module, to_string(origin));
    }
  }
  return lines;
}

FileContextsText compiled(const std::vector<Module>& modules) {
  imagefmt::SilentReporter reporter;
  CompileOptions options;
  options.version = newest_policy_version();
  return {{{"file_contexts", compile(modules, options, reporter).file_contexts}}, {}};
}

/// A package with nothing but file contexts: what semodule_package makes of an empty module.
Module package(const std::string& name, const std::string& file_contexts) {
  std::string bytes;
  auto add = [&](imagefmt::le32 word) {
    bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  };
  for (uint32_t word : {0xf97cff8fu, 1u, 2u, 20u, 24u}) add(word);
  for (uint32_t word : {0xf97cff91u, 0xf97cff90u}) add(word);
  return {name, "folder/" + name + ".pp", kFolderPriority, ModuleForm::kPackage,
          bytes + file_contexts};
}

TEST(RuleOrigins, AreTheStatementsOfCil) {
  std::vector<Module> modules = sample_modules(R"(
(filecon "/plain" file (system_u object_r file_t (low low)))
(block room
  (type inner_t) (roletype object_r inner_t)
  (filecon "/in/block" any (system_u object_r inner_t (low low))))
(in room
  (filecon "/in/in" dir (system_u object_r inner_t (low low))))
(optional maybe
  (filecon
    "/in/optional" symlink (system_u object_r file_t (low low))))
(macro put ((type t))
  (filecon "/in/macro" pipe (system_u object_r t (low low)))) (call put (file_t))
(tunable tuned true)
(tunableif tuned
  (true (filecon "/in/tunable" socket (system_u object_r file_t (low low))))
  (false (filecon "/out" char ())))
(filecon "/none" block ())
)");
  EXPECT_THAT(
      origins(modules, compiled(modules)),
      testing::UnorderedElementsAre(
          "/plain: more, folder/more.cil line 2;", "/in/block: more, folder/more.cil line 5;",
          "/in/in: more, folder/more.cil line 7;", "/in/optional: more, folder/more.cil line 9;",
          "/in/macro: more, folder/more.cil line 12;",
          "/in/tunable: more, folder/more.cil line 15;", "/none: more, folder/more.cil line 17;"));
}

TEST(RuleOrigins, AreAllThatHoldPatternAndType) {
  const std::string context = " (system_u object_r file_t (low low)))\n";
  std::vector<Module> modules = {cil_module("base", base_cil()),
                                 cil_module("a", "(filecon \"/x\" file" + context),
                                 cil_module("b", "\n(filecon \"/x\" file" + context),
                                 cil_module("c", "(filecon \"/x\" dir" + context)};
  // Newer versions of libsepol take no rule twice.
  FileContextsText text = compiled({modules[0], modules[1], modules[3]});
  text.rules[0].text += "/nix/store(/.*)? <<none>>\n";
  EXPECT_THAT(origins(modules, text),
              ElementsAre("/x: a, folder/a.cil line 1; b, folder/b.cil line 2;",
                          "/x: c, folder/c.cil line 1;", "/nix/store(/.*)?:"));
}

TEST(RuleOrigins, AreLinesOfAPackagesFileContexts) {
  const FileContextsText text = {{{"file_contexts", "/a(/.*)? u:r:t\n/b -- u:r:t\n/b u:r:t\n"}},
                                 {}};
  const std::string lines = "# /a(/.*)? u:r:t\n\n  /a(/.*)?\tu:r:t\n/b  --  u:r:t\n/b\t-d\tu:r:t";
  EXPECT_THAT(origins({package("one", lines)}, text),
              ElementsAre("/a(/.*)?: one, folder/one.pp, file_contexts line 3;",
                          "/b: one, folder/one.pp, file_contexts line 4;", "/b:"));
}

TEST(RuleOrigins, OfPackagesAreWhatTheirToolsMake) {
  if (system("command -v checkmodule semodule_package >/dev/null") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "checkmodule or semodule_package is missing";
    GTEST_SKIP() << "checkmodule or semodule_package is missing";
  }
  tests::TempDir folder;
  imagefmt::write_file(folder / "s.te", "module s 1.0; require { type etc_t; } type s_t;\n");
  imagefmt::write_file(folder / "s.fc", "\n/opt/s\t--\tsystem_u:object_r:s_t:s0\n");
  const std::string command = "cd " + folder.path() +
                              " && checkmodule -M -m -o s.mod s.te >/dev/null" +
                              " && semodule_package -o s.pp -m s.mod -f s.fc";
  ASSERT_EQ(system(command.c_str()), 0);
  const Module made{"s", "s.pp", kFolderPriority, ModuleForm::kPackage,
                    imagefmt::read_file(folder / "s.pp")};
  EXPECT_THAT(origins({made}, {{{"file_contexts", "/opt/s -- u:r:t\n"}}, {}}),
              ElementsAre("/opt/s: s, s.pp, file_contexts line 2;"));
}

TEST(RuleOrigins, OfRefpolicyAreFoundForEachRule) {
  const std::string modules_folder = "/usr/share/selinux/default";
  FileContextsText text = oracle::refpolicy_contexts();
  REQUIRE_REFPOLICY(text);
  text.rules.resize(1);
  const std::vector<Module> modules = load_modules({modules_folder, {}, {}}, 2);
  const FileContexts contexts = FileContexts::parse(text);
  const auto found = find_rule_origins(modules, contexts, {});
  for (const ContextRule& rule : contexts.rules()) {
    EXPECT_FALSE(found[contexts.index_of(rule)].empty()) << rule.pattern;
  }
  const ContextRule* sshd = contexts.lookup("/usr/sbin/sshd", FileType::kRegular);
  ASSERT_NE(sshd, nullptr);
  EXPECT_EQ(to_string(found[contexts.index_of(*sshd)].at(0)),
            modules_folder + "/ssh.pp.bz2, file_contexts line 20");
}

TEST(RuleOrigins, OfHomeDirectoriesAreTheirTemplates) {
  const std::string lines = "HOME_DIR/.x -- u:r:t\nHOME_DIR/.+ u:r:t\n/run/%{USERNAME} -d u:r:t\n";
  const SplitFileContexts split = split_file_contexts(lines);
  ImageAccounts accounts;
  accounts.home_roots = {"/home"};
  accounts.users = {{"ann", 1, 100, "/srv/ann", "/bin/sh"}};
  const std::vector<SelinuxUser> users = {{"u", {"r"}, "s0", "s0", "user"}};
  const HomeRules expanded = expand_home_directories(
      split, {{"__default__", "u", "s0"}, {"ann", "u", "s0"}}, users, false, accounts, {});
  EXPECT_THAT(
      origins({package("home", lines)},
              {{{"file_contexts", "/home/[^/]+/.x -- u:r:t\n"},
                {"file_contexts.homedirs", expanded.text}},
               {}},
              expanded.templates),
      ElementsAre("/home/[^/]+/.x:", "/home/[^/]+/.x: home, folder/home.pp, file_contexts line 1;",
                  "/home/[^/]+/.+: home, folder/home.pp, file_contexts line 2;",
                  "/run/[^/]+: home, folder/home.pp, file_contexts line 3;",
                  "/srv/ann/.x: home, folder/home.pp, file_contexts line 1;",
                  "/srv/ann/.+: home, folder/home.pp, file_contexts line 2;",
                  "/run/ann: home, folder/home.pp, file_contexts line 3;"));
}

TEST(RuleOrigins, RefuseWhatIsNoModule) {
  auto error = [](Module module) { return error_of([&] { origins({module}, {}); }); };
  EXPECT_EQ(error(cil_module("x", "(block")),
            "cannot read policy module 'folder/x.cil': line 1: expected ')' for the '(' of line 1");
  Module broken = package("x", "/a u:r:t\n");
  broken.bytes.resize(16);
  EXPECT_EQ(error(broken),
            "cannot read policy module 'folder/x.pp': package ends at offset 16, expected 4 more "
            "bytes");
  broken = package("x", "");
  broken.bytes[16] = 99;
  EXPECT_EQ(error(broken),
            "cannot read policy module 'folder/x.pp': section 1 of 2 ends outside of it");
  EXPECT_EQ(error({"e", "e.pp", kFolderPriority, ModuleForm::kPackage, ""}),
            "cannot read policy module 'e.pp': package ends at offset 0, expected 8 more bytes");
}

}  // namespace
}  // namespace policy
