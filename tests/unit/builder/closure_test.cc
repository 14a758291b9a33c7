// SPDX-License-Identifier: Apache-2.0
#include "builder/closure.h"

#include <gtest/gtest.h>

#include "builder/resolve.h"
#include "builder/store_name.h"
#include "tests/unit/builder/tiny_store.h"

namespace builder {
namespace {

using tests::error_of;
using tests::TinyStore;

std::string add_system(TinyStore& store, const std::string& name) {
  std::string path = store.add(name);
  store.file(path + "/init", "#!");
  store.file(path + "/nixos-version", "24.11");
  return path;
}

TEST(Closure, FindsItsToplevel) {
  TinyStore store;
  std::string system = add_system(store, "nixos-system-box-24.11");
  std::string other = store.add("hello");
  store.file(other + "/init");  // a package may well hold one of the two
  store.refer(system, other);
  Closure closure = store.read();
  EXPECT_EQ(closure.toplevel, system);
  EXPECT_EQ(closure.paths.size(), 2u);
  ASSERT_TRUE(find_store_path(closure.paths, system));
  EXPECT_EQ(find_store_path(closure.paths, system)->references, std::vector<std::string>{other});
  EXPECT_EQ(find_store_path(closure.paths, "/nix/store/x"), nullptr);
  EXPECT_TRUE(closure.specialisations.empty());
}

TEST(Closure, PrefersTheSystemThatNoOtherNames) {
  TinyStore store;
  std::string system = add_system(store, "system"), special = add_system(store, "special");
  store.link(system + "/specialisation/quiet", special);
  Closure closure = store.read();
  EXPECT_EQ(closure.toplevel, system);
  ASSERT_EQ(closure.specialisations.size(), 1u);
  EXPECT_EQ(closure.specialisations[0].name, "quiet");
  EXPECT_EQ(closure.specialisations[0].toplevel, special);
  EXPECT_EQ(
      read_closure(store.info(), {.store_root = store.root() + "//", .toplevel = special + '/'})
          .toplevel,
      special);
}

TEST(Closure, SaysWhyThereIsNoToplevel) {
  TinyStore store;
  std::string hello = store.add("hello");
  store.folder(hello);
  EXPECT_EQ(error_of([&] { store.read(); }),
            "cannot find the toplevel of closure '" + store.info() +
                "': no store path of it holds both 'nixos-version' and 'init'");
  std::string one = add_system(store, "one"), two = add_system(store, "two");
  std::string both = "\n  " + std::min(one, two) + "\n  " + std::max(one, two);
  EXPECT_EQ(error_of([&] { store.read(); }),
            "cannot find the toplevel of closure '" + store.info() +
                "': 2 store paths hold both 'nixos-version' and 'init'; name one with "
                "--toplevel:" +
                both);
  store.link(one + "/specialisation/a", two);
  store.link(two + "/specialisation/b", one);
  EXPECT_EQ(error_of([&] { store.read(); }),
            "cannot find the toplevel of closure '" + store.info() +
                "': each of these is a specialisation of another" + both);
  auto given = [&](const std::string& path) {
    return error_of(
        [&] { read_closure(store.info(), {.store_root = store.root(), .toplevel = path}); });
  };
  EXPECT_EQ(given("/etc"), "cannot use '/etc' as the toplevel: not in /nix/store");
  EXPECT_EQ(given(hello + "/x"),
            "cannot use '" + hello + "/x' as the toplevel: lies below a store path");
  EXPECT_EQ(given(hello), "cannot use '" + hello + "' as the toplevel: it holds no 'init'");
  std::string none = "/nix/store/" + std::string(32, '0') + "-none";
  EXPECT_EQ(given(none), "cannot use '" + none + "' as the toplevel: it is not in the closure");
}

TEST(Closure, RefusesASpecialisationElsewhere) {
  TinyStore store;
  std::string system = add_system(store, "system");
  store.link(system + "/specialisation/bad", system + "/init");
  EXPECT_EQ(error_of([&] { store.read(); }), "bad specialisation '" + system +
                                                 "/specialisation/bad': it leads to '" + system +
                                                 "/init', which is no store path of the closure");
}

TEST(Closure, ComparesItsTwoFilesAndTheDisk) {
  TinyStore store;
  std::string a = store.add("a"), b = store.add("b");
  store.folder(a);
  store.write_info();
  std::string listing = store.info() + "/store-paths", registered = store.info() + "/registration";
  size_t line_of_b = a < b ? 2 : 1;
  EXPECT_EQ(error_of([&] { read_closure(store.info(), {.store_root = store.root()}); }),
            listing + ':' + std::to_string(line_of_b) + ": cannot find '" + store.host(b) +
                "': nothing stands there");

  std::string c = "/nix/store/" + std::string(32, '0') + "-c";
  store.folder(c);
  imagefmt::write_file(listing, c + '\n' + a + '\n');
  EXPECT_EQ(error_of([&] { read_closure(store.info(), {.store_root = store.root()}); }),
            listing + ":1: '" + c + "' is not registered in '" + registered + "'\n" + registered +
                ':' + std::to_string(a < b ? 6 : 1) + ": '" + b + "' is not listed in '" + listing +
                "'");
}

TEST(Closure, NamesAFileThatCannotBeRead) {
  tests::TempDir folder;
  EXPECT_EQ(error_of([&] { read_closure(folder.path()); }),
            "cannot open '" + folder / "store-paths" + "': No such file or directory");
}

TEST(Resolve, FollowsLinksInsideTheClosureOnly) {
  TinyStore store;
  std::string system = add_system(store, "system"), lib = store.add("lib");
  store.file(lib + "/share/deep/file");
  store.link(lib + "/up", "share/../share/./deep");
  store.link(system + "/abs", lib + "/up/file");
  store.link(system + "/out", "/etc/passwd");
  store.link(system + "/climb", "../../../../../../etc");
  store.link(system + "/dangling", lib + "/none/x");
  store.link(system + "/self", "self");
  std::string stranger = "/nix/store/" + std::string(32, '0') + "-stranger";
  store.file(stranger + "/file");
  store.link(system + "/stranger", stranger + "/file");
  Closure closure = store.read();

  EXPECT_EQ(resolve_in_store(closure, system + "/abs"), lib + "/share/deep/file");
  EXPECT_EQ(resolve(closure, system + "/abs").links,
            (std::vector<std::string>{system + "/abs", lib + "/up"}));
  EXPECT_EQ(resolve_in_store(closure, system + "//init/"), system + "/init");
  EXPECT_EQ(find_in_store(closure, system + "/none"), std::nullopt);
  EXPECT_EQ(find_in_store(closure, system + "/init/below-a-file"), std::nullopt);
  EXPECT_EQ(find_in_store(closure, system + "/dangling"), std::nullopt);
  EXPECT_EQ(find_in_store(closure, system + '/' + std::string(300, 'n')), std::nullopt);

  const struct {
    std::string path, message;
  } kCases[] = {
      {system + "/none", "nothing stands there"},
      {system + "/dangling", "it leads to '" + lib + "/none/x', and nothing stands there"},
      {system + "/out", "it leads to '/etc/passwd', outside of the closure"},
      {system + "/climb", "it leads to '/etc', outside of the closure"},
      {system + "/self", "more than 40 symlinks"},
      {system + "/stranger", "it leads to '" + stranger + "/file', outside of the closure"},
      {"/nix/store", "it leads to '/nix/store', outside of the closure"},
      {"relative", "it leads to '/relative', outside of the closure"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(error_of([&] { resolve_in_store(closure, c.path); }),
              "cannot resolve '" + c.path + "': " + c.message);
  }
}

TEST(StorePathRoles, ComeFromLinks) {
  using policy::StorePathRole;
  TinyStore store;
  std::string system = add_system(store, "nixos-system"), special = add_system(store, "special");
  store.link(system + "/specialisation/s", special);
  std::string etc = store.add("etc"), sw = store.add("system-path"),
              kernel = store.add("linux-6.1"), modules = store.add("kernel-modules"),
              initrd = store.add("initrd-linux"), firmware = store.add("firmware"),
              units = store.add("system-units"), unit = store.add("unit-sshd.service"),
              odd_unit = store.add("odd.service"), script = store.add("unit-script-sshd-start"),
              issue = store.add("issue"), etc_ssh = store.add("etc-ssh"),
              package = store.add("openssh"), other_etc = store.add("etc-of-special"),
              chained = store.add("etc-chained"), user_units = store.add("user-units");
  store.link(system + "/etc", etc + "/etc");
  store.link(special + "/etc", other_etc + "/etc");
  store.folder(other_etc + "/etc");
  store.link(system + "/sw", sw);
  store.folder(sw);
  store.link(system + "/kernel", kernel + "/bzImage");
  store.file(kernel + "/bzImage");
  store.link(system + "/kernel-modules", modules);
  store.folder(modules + "/lib/modules");
  store.link(system + "/initrd", initrd + "/initrd");
  store.file(initrd + "/initrd");
  store.link(system + "/firmware", firmware + "/lib/firmware");
  store.folder(firmware + "/lib/firmware");
  store.link(etc + "/etc/systemd/system", units);
  store.link(units + "/sshd.service", unit + "/sshd.service");
  store.file(unit + "/sshd.service");
  store.link(units + "/multi-user.target.wants/odd.service", odd_unit + "/odd.service");
  store.file(odd_unit + "/odd.service");
  store.link(units + "/dbus.service", package + "/share/dbus.service");
  store.file(package + "/share/dbus.service");
  store.file(script + "/bin/sshd-start");
  store.link(etc + "/etc/systemd/user", user_units);
  store.folder(user_units);
  store.link(etc + "/etc/issue", chained);
  store.link(chained, issue);
  store.file(issue);
  store.link(etc + "/etc/ssh/sshd_config", etc_ssh + "/etc/ssh/sshd_config");
  store.file(etc_ssh + "/etc/ssh/sshd_config");
  store.link(etc + "/etc/ssh/moduli", package + "/etc/moduli");
  store.file(package + "/etc/moduli");
  store.link(etc + "/etc/mtab", "/proc/mounts");
  store.link(etc + "/etc/odd", "/nix/store/odd");  // no store path at all

  Closure closure = store.read();
  std::map<std::string, StorePathRole> roles;
  std::vector<policy::StorePath> all = store_path_roles(closure);
  ASSERT_EQ(all.size(), closure.paths.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].base_name, base_name_of(closure.paths[i].path));
    roles[closure.paths[i].path] = all[i].role;
  }
  EXPECT_EQ(roles, (std::map<std::string, StorePathRole>{
                       {system, StorePathRole::kToplevel},
                       {special, StorePathRole::kToplevel},
                       {etc, StorePathRole::kEtc},
                       {other_etc, StorePathRole::kEtc},
                       {sw, StorePathRole::kSystemPath},
                       {kernel, StorePathRole::kKernel},
                       {modules, StorePathRole::kKernelModules},
                       {initrd, StorePathRole::kInitrd},
                       {firmware, StorePathRole::kFirmware},
                       {units, StorePathRole::kSystemUnits},
                       {user_units, StorePathRole::kUserUnits},
                       {unit, StorePathRole::kUnit},
                       {odd_unit, StorePathRole::kUnit},
                       {script, StorePathRole::kPackage},
                       {issue, StorePathRole::kEtcEntry},
                       {chained, StorePathRole::kEtcEntry},
                       {etc_ssh, StorePathRole::kEtcEntry},
                       {package, StorePathRole::kPackage},
                   }));
}

}  // namespace
}  // namespace builder
