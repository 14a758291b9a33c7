// SPDX-License-Identifier: Apache-2.0
//
// Runs the first process for real: as process 1 of namespaces of its own, in a chroot that has what
// a sealed image has. Its "systemd" is a script for a static busybox that tells what it was given.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "builder/assemble.h"
#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBusybox = "/bin/busybox";
const std::string kToplevel = "/nix/store/t-nixos-system";

TEST(SealedInit, IsAStaticExecutableOfItsArchitecture) {
  for (auto [architecture, machine] : {std::pair("x86_64", 62), std::pair("aarch64", 183)}) {
    std::string_view elf = sealed_init(architecture);
    ASSERT_GT(elf.size(), 64u) << architecture;
    EXPECT_EQ(elf.substr(0, 6), std::string_view("\x7f"
                                                 "ELF\x02\x01",
                                                 6))
        << architecture;
    EXPECT_EQ(elf[16], 2) << architecture << ": ET_EXEC, which needs no relocation";
    EXPECT_EQ(static_cast<uint8_t>(elf[18]), machine) << architecture;
    EXPECT_LT(elf.size(), 100'000u) << architecture;
    EXPECT_EQ(elf.find("/ld-linux"), elf.npos) << architecture;
    // Linux before 6.7 cannot load a segment that has memory and no bytes in the file.
    size_t headers = static_cast<uint8_t>(elf[32]), count = static_cast<uint8_t>(elf[56]);
    for (size_t i = 0; i < count; ++i) {
      std::string_view header = elf.substr(headers + 56 * i, 56);
      bool loads = header[0] == 1;  // PT_LOAD
      EXPECT_TRUE(!loads || header.substr(32, 8) == header.substr(40, 8)) << architecture;
    }
  }
}

class RunSealedInit : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* why : {geteuid() != 0 ? "root rights" : nullptr,
                            access(kBusybox, X_OK) != 0 ? kBusybox : nullptr,
                            access("/usr/bin/unshare", X_OK) != 0 ? "unshare" : nullptr}) {
      if (!why) continue;
      ASSERT_EQ(std::getenv("CI"), nullptr) << why << " missing";
      GTEST_SKIP() << why << " missing";
    }
    utsname system{};
    uname(&system);
    for (const char* folder : {"run", "proc", "dev", "nix/var/nix/profiles"}) {
      fs::create_directories(root_ / folder);
    }
    imagefmt::write_file(root_ / "init", sealed_init(system.machine));
    chmod((root_ / "init").c_str(), 0555);
    fs::create_directories(root_ / "bin");
    fs::copy_file(kBusybox, root_ / "bin/busybox");
    fs::create_symlink("system-1-link", root_ / "nix/var/nix/profiles/system");
    fs::create_symlink(kToplevel, root_ / "nix/var/nix/profiles/system-1-link");
    std::string systemd = root_.path() + kToplevel + "/systemd/lib/systemd/systemd";
    fs::create_directories(fs::path(systemd).parent_path());
    imagefmt::write_file(systemd, R"sh(#!/bin/busybox sh
PATH=
busybox=/bin/busybox
echo "pid $$"
echo "program $0"
for argument; do echo "argument $argument"; done
echo "GREETING $GREETING"
echo "current $($busybox readlink /run/current-system)"
echo "booted $($busybox readlink /run/booted-system)"
$busybox mount -t proc proc /proc
$busybox grep ' /run ' /proc/mounts
)sh");
    chmod(systemd.c_str(), 0755);
  }

  /// What the process and its "systemd" write, and `exit N` if it failed. `before` runs in the
  /// chroot.
  std::string run(const std::string& before = ":") {
    std::string command = "GREETING=hello unshare --mount --pid --fork --root='" + root_.path() +
                          "' /bin/busybox sh -c '" + before + "; exec /init one \"two three\"' >'" +
                          (root_ / "output") + "' 2>&1";
    int status = std::system(command.c_str());
    std::string output = imagefmt::read_file(root_ / "output");
    if (status != 0) output += "exit " + std::to_string(WEXITSTATUS(status)) + '\n';
    return output;
  }

  tests::TempDir root_;
};

TEST_F(RunSealedInit, MakesRunAndStartsSystemd) {
  std::string output = run();
  EXPECT_TRUE(output.starts_with("pid 1\nprogram " + kToplevel +
                                 "/systemd/lib/systemd/systemd\n"
                                 "argument one\nargument two three\nGREETING hello\n"
                                 "current " +
                                 kToplevel + "\nbooted " + kToplevel + "\n"))
      << output;
  EXPECT_NE(output.find("tmpfs /run tmpfs rw,nosuid,nodev"), output.npos) << output;
  EXPECT_NE(output.find("mode=755"), output.npos) << output;
  EXPECT_TRUE(fs::is_empty(root_ / "run"));
}

TEST_F(RunSealedInit, KeepsTheRunOfAnInitrd) {
  std::string output =
      run("/bin/busybox mount -t tmpfs -o mode=0755,size=123k initrd /run; "
          "/bin/busybox ln -s /old /run/current-system");
  EXPECT_NE(output.find("current " + kToplevel + "\n"), output.npos) << output;
  EXPECT_NE(output.find("initrd /run tmpfs"), output.npos) << output;
  EXPECT_EQ(output.find("tmpfs /run tmpfs"), output.npos) << output;
}

TEST_F(RunSealedInit, TellsWhichStepFailed) {
  fs::remove(root_ / "nix/var/nix/profiles/system-1-link");
  EXPECT_EQ(run(),
            "intaglio init: cannot read the link '/nix/var/nix/profiles/system-1-link': error 2\n"
            "exit 1\n");
  fs::create_symlink("/nowhere", root_ / "nix/var/nix/profiles/system-1-link");
  EXPECT_EQ(
      run(),
      "intaglio init: cannot start '/nowhere/systemd/lib/systemd/systemd': error 2\nexit 1\n");
  fs::remove(root_ / "run");
  EXPECT_EQ(run(), "intaglio init: cannot look at '/run': error 2\nexit 1\n");
}

}  // namespace
}  // namespace builder
