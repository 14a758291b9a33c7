// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/kernel_fragment.h"
#include "builder/kernel_preflight.h"
#include "imagefmt/base/file.h"
#include "tests/unit/builder/run_with.h"
#include "tests/unit/builder/tiny_store.h"

namespace builder {
namespace {

using testing::HasSubstr;
using tests::error_of;

constexpr policy::KernelVersion kVersion{6, 1, 0};

KernelTarget target(KernelProfile profile = KernelProfile::kDevel) {
  KernelTarget target = kernel_target_of(find_board("qemu-x86_64"));
  target.profile = profile;
  target.root_compression = "zstd";
  target.initrd_compressions = {"gzip"};
  target.version = kVersion;
  return target;
}

/// A configuration that has all that is wanted, as Kconfig would write it.
std::string good_config(const KernelTarget& wanted = target()) {
  const KernelRequirements requirements = kernel_table().select(wanted);
  std::string text;
  for (const KernelRequirement& option : requirements.options) text += config_line(option) + '\n';
  return text + config_line(lsm_requirement(requirements.lsms)) + "\nCONFIG_MODULES=y\n";
}

std::string with(const std::string& from, const std::string& to, std::string text = good_config()) {
  const size_t at = ("\n" + text).find("\n" + from + '\n');
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size() + 1, to.empty() ? to : to + '\n');
}

std::string lines_of(const KernelVerdict& verdict) {
  std::string text;
  for (const KernelFinding& finding : verdict.findings) {
    text += fmt::format("{}: {}\n", to_text(finding.severity), finding.message);
  }
  return text;
}

std::string found_in(const std::string& config,
                     const std::string& command_line = "security=selinux",
                     const KernelTarget& wanted = target(), const Initrd* initrd = nullptr) {
  return lines_of(check_kernel(KernelConfig::parse(config, "c"), kernel_table().select(wanted),
                               {*wanted.version, parse_kernel_params(command_line), initrd}));
}

TEST(KernelCheck, FindsNothingInWhatTheFragmentAsksFor) {
  for (KernelProfile profile : {KernelProfile::kDevel, KernelProfile::kProduction}) {
    const KernelTarget wanted = target(profile);
    const KernelRequirements requirements = kernel_table().select(wanted);
    const KernelVerdict verdict =
        check_kernel(KernelConfig::parse(good_config(wanted), "c"), requirements, {kVersion, {}});
    EXPECT_EQ(lines_of(verdict), "");
    EXPECT_FALSE(verdict.has_errors());
    // Some hold only with an option that this configuration does not have.
    EXPECT_GE(verdict.met + 5, requirements.options.size());
  }
}

TEST(KernelCheck, NamesWhatIsBroken) {
  const std::string apparmor_first =
      with("CONFIG_LSM=\"landlock,yama,selinux\"",
           "CONFIG_LSM=\"landlock,yama,apparmor,selinux\"\nCONFIG_SECURITY_APPARMOR=y");
  const std::string unknown =
      " is unknown (the kernel has no such option, or what it depends on is "
      "off), expected y\n";
  const struct {
    const char* what;
    std::string config, command_line, message;
  } kCases[] = {
      {"unset", with("CONFIG_SQUASHFS_XATTR=y", "# CONFIG_SQUASHFS_XATTR is not set"), "",
       "error: CONFIG_SQUASHFS_XATTR is not set, expected y\n"},
      {"unset as no other tool writes it",
       with("CONFIG_SQUASHFS_XATTR=y", "CONFIG_SQUASHFS_XATTR=n"), "",
       "error: CONFIG_SQUASHFS_XATTR is not set, expected y\n"},
      {"unknown", with("CONFIG_SQUASHFS_XATTR=y", ""), "",
       "error: CONFIG_SQUASHFS_XATTR" + unknown},
      {"no SELinux at all", with("CONFIG_SECURITY_SELINUX=y", ""), "",
       "error: CONFIG_SECURITY_SELINUX" + unknown},
      {"m where there are no modules", with("CONFIG_DEVTMPFS=y", "CONFIG_DEVTMPFS=m"), "",
       "error: CONFIG_DEVTMPFS=m, expected y\n"},
      {"m at least", with("CONFIG_OVERLAY_FS=y", "CONFIG_OVERLAY_FS=m"), "", ""},
      {"not even m", with("CONFIG_OVERLAY_FS=y", "# CONFIG_OVERLAY_FS is not set"), "",
       "warning: CONFIG_OVERLAY_FS is not set, expected at least m\n"},
      {"on that is to be off",
       with("# CONFIG_FW_LOADER_USER_HELPER is not set", "CONFIG_FW_LOADER_USER_HELPER=y"), "",
       "warning: CONFIG_FW_LOADER_USER_HELPER=y, expected not set\n"},
      {"unknown that is to be off", with("# CONFIG_FW_LOADER_USER_HELPER is not set", ""), "", ""},
      {"another member of a choice",
       with("CONFIG_DEFAULT_SECURITY_SELINUX=y",
            "# CONFIG_DEFAULT_SECURITY_SELINUX is not set\nCONFIG_DEFAULT_SECURITY_APPARMOR=y"),
       "",
       "warning: CONFIG_DEFAULT_SECURITY_SELINUX is not set, expected y; "
       "CONFIG_DEFAULT_SECURITY_APPARMOR is\n"},
      {"a module, and no initrd known", with("CONFIG_SQUASHFS=y", "CONFIG_SQUASHFS=m"), "",
       "warning: CONFIG_SQUASHFS=m, and whether the initrd carries module 'squashfs' is not "
       "known\n"},
      {"the initrd's compression", with("CONFIG_RD_GZIP=y", "# CONFIG_RD_GZIP is not set"), "",
       "error: CONFIG_RD_GZIP is not set, expected y\n"},
      {"the root's compression", with("CONFIG_SQUASHFS_ZSTD=y", ""), "",
       "error: CONFIG_SQUASHFS_ZSTD" + unknown},
      {"another processor", with("CONFIG_X86_64=y", "CONFIG_ARM64=y"), "",
       "error: CONFIG_X86_64" + unknown},
      {"AppArmor first, and the command line says nothing", apparmor_first, "quiet",
       "error: CONFIG_LSM=\"landlock,yama,apparmor,selinux\" makes the kernel run "
       "landlock,yama,apparmor, and not selinux\n"},
      {"AppArmor first, and the command line picks", apparmor_first, "security=selinux",
       "warning: CONFIG_LSM=\"landlock,yama,apparmor,selinux\" by itself makes the kernel run "
       "landlock,yama,apparmor, and not selinux\n"},
      {"the command line picks another", good_config() + "CONFIG_SECURITY_APPARMOR=y\n",
       "security=apparmor",
       "error: security=apparmor makes the kernel run landlock,yama,apparmor, and not selinux\n"},
      {"the command line's order", good_config(), "lsm=yama,selinux",
       "warning: lsm=yama,selinux leaves out 'landlock', which is built in\n"},
      {"the command line's order without SELinux", good_config(), "lsm=yama,bpf security=selinux",
       "error: lsm=yama,bpf makes the kernel run yama, and not selinux\n"
       "warning: lsm=yama,bpf leaves out 'landlock', which is built in\n"},
      {"SELinux off", good_config(), "security=selinux selinux=0",
       "error: security=selinux makes the kernel run landlock,yama, and not selinux\n"},
      {"no CONFIG_LSM", with("CONFIG_LSM=\"landlock,yama,selinux\"", ""),
       "lsm=landlock,yama,selinux",
       "warning: CONFIG_LSM=\"\" by itself makes the kernel run none, and not selinux\n"},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(
        found_in(one.config, one.command_line.empty() ? "security=selinux" : one.command_line),
        one.message)
        << one.what;
  }
}

TEST(KernelCheck, TakesAModuleThatTheInitrdCarries) {
  const std::string config = with("CONFIG_VIRTIO_BLK=y", "CONFIG_VIRTIO_BLK=m");
  Initrd initrd;
  initrd.modules = {"virtio_net"};
  EXPECT_EQ(found_in(config, "", target(), &initrd),
            "error: CONFIG_VIRTIO_BLK=m, and the initrd does not carry module 'virtio_blk'\n");
  initrd.modules = {"virtio_blk"};
  EXPECT_EQ(found_in(config, "", target(), &initrd), "");
}

TEST(KernelCheck, ReadsNumbersAsKconfigDoes) {
  const KernelTarget wanted = target(KernelProfile::kProduction);
  const std::string good = good_config(wanted);
  const struct {
    const char* value;
    const char* message;
  } kCases[] = {
      {"65536", ""},
      {"0x10000", ""},
      {"131072", ""},
      {"65535", "warning: CONFIG_DEFAULT_MMAP_MIN_ADDR=65535, expected at least 65536\n"},
      {"0xffff", "warning: CONFIG_DEFAULT_MMAP_MIN_ADDR=0xffff, expected at least 65536\n"},
      {"-1", "warning: CONFIG_DEFAULT_MMAP_MIN_ADDR=-1, expected at least 65536\n"},
      {"y", "warning: CONFIG_DEFAULT_MMAP_MIN_ADDR=y, expected at least 65536\n"},
      {"\"99999\"", ""},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(found_in(with("CONFIG_DEFAULT_MMAP_MIN_ADDR=65536",
                            std::string("CONFIG_DEFAULT_MMAP_MIN_ADDR=") + one.value, good),
                       "security=selinux", wanted),
              one.message);
  }
}

TEST(KernelCheck, JudgesByModeAndProfile) {
  const std::string without = with("CONFIG_SECURITY_SELINUX_DEVELOP=y", "");
  const std::string message =
      ": CONFIG_SECURITY_SELINUX_DEVELOP is unknown (the kernel has no such option, or what it "
      "depends on is off), expected y\n";
  EXPECT_EQ(found_in(without), "warning" + message);
  KernelTarget permissive = target();
  permissive.mode = policy::SelinuxMode::kPermissive;
  EXPECT_EQ(found_in(without, "security=selinux", permissive), "error" + message);
  EXPECT_THAT(found_in(good_config(), "security=selinux", target(KernelProfile::kProduction)),
              HasSubstr("error: CONFIG_SECURITY_SELINUX_DEVELOP=y, expected not set\n"
                        "error: CONFIG_SECURITY_SELINUX_BOOTPARAM=y, expected not set\n"));
}

TEST(KernelCheck, KnowsThatOldKernelsHaveOneLargeModule) {
  KernelTarget old = target();
  old.version = policy::KernelVersion{4, 19, 0};
  const std::string config = good_config(old) + "CONFIG_DEFAULT_SECURITY=\"apparmor\"\n";
  EXPECT_EQ(found_in(config, "security=selinux", old), "");
  EXPECT_EQ(found_in(config, "lsm=selinux", old),
            "error: CONFIG_DEFAULT_SECURITY=apparmor makes the kernel run that, and not selinux\n");
}

TEST(KernelConfigCommands, CheckAndPrint) {
  tests::TempDir folder;
  const std::string file = folder / "config";
  const std::vector<std::string> check = {"kernel-config",    "check", "--board", "qemu-x86_64",
                                          "--kernel-version", "6.1",   file};
  imagefmt::write_file(file, good_config());
  Ran ran = run_with(check);
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, testing::MatchesRegex("[0-9]+ requirements are met, 0 are not\n"));

  imagefmt::write_file(file, with("CONFIG_SQUASHFS_XATTR=y", "# CONFIG_SQUASHFS_XATTR is not set"));
  ran = run_with(check);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out,
              testing::StartsWith(
                  "error: CONFIG_SQUASHFS_XATTR is not set, expected y: labels are extended "
                  "attributes, which squashfs does not read without it (squashfs; "
                  "fs/squashfs/Kconfig)\n"));
  std::vector<std::string> json = check;
  json.emplace_back("--json");
  ran = run_with(json);
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.out,
              HasSubstr("\"expected\": \"CONFIG_SQUASHFS_XATTR=y\",\n      \"found\": \"n\""));

  imagefmt::write_file(file, "CONFIG_A=maybe\n");
  EXPECT_EQ(run_with(check).err,
            "intaglio: " + file + ":1: expected y, m, n, a number or a string, found 'maybe'\n");
  EXPECT_EQ(run_with({"kernel-config"}).status, 2);
  EXPECT_EQ(run_with({"kernel-config", "check", "--board", "qemu-x86_64", file}).status, 2);
  ran = run_with({"kernel-config", "fragment", "--board", "qemu-x86_64", "--profile", "strict"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_THAT(ran.err, HasSubstr("--profile 'strict': expected devel or production"));
  for (const char* format : {"kconfig", "nix", "json"}) {
    ran =
        run_with({"kernel-config", "fragment", "--board", "qemu-virt-aarch64", "--format", format});
    EXPECT_EQ(ran.status, 0);
    EXPECT_THAT(ran.out, HasSubstr("SERIAL_AMBA_PL011_CONSOLE"));
    EXPECT_THAT(ran.out, testing::Not(HasSubstr("SERIAL_8250")));
  }
}

/// Keeps what it is warned of.
struct Warnings : imagefmt::SilentReporter {
  void warn(std::string_view message) noexcept override { text += std::string(message) + '\n'; }
  std::string text;
};

struct Preflight : tests::TinyStore {
  Preflight() : toplevel(add("system")), linux(add("linux")) {
    file(toplevel + "/init");
    file(toplevel + "/nixos-version");
    file(toplevel + "/kernel-params", "quiet");
    link(toplevel + "/kernel", linux + "/bzImage");
    link(toplevel + "/initrd", linux + "/initrd");
    file(linux + "/bzImage", "Linux version 6.1.0 (x) ");
    file(linux + "/initrd", "");
  }
  std::string fragment(Warnings& warnings, const SystemOptions& options = {}) const {
    const Closure closure = read();
    const Bootspec spec = read_bootspec(closure);
    SystemOptions complete = options;
    complete.compression = "zstd";
    return check_kernel_config(judged_kernel_of(closure, spec, read_kernel(closure, spec)),
                               complete, find_board("qemu-x86_64"), "security=selinux", warnings);
  }
  std::string toplevel, linux;
};

TEST(KernelPreflight, RefusesWhatCannotBootLabelledWithItsMend) {
  Preflight system;
  Warnings warnings;
  KernelTarget plain = target();
  plain.initrd_compressions.clear();
  EXPECT_THAT(
      system.fragment(warnings),
      testing::StartsWith("# Kernel options for board qemu-x86_64, profile devel, Linux 6.1.0\n"));
  EXPECT_EQ(warnings.text, "cannot check the configuration of kernel '" + system.linux +
                               "/bzImage': it carries none (CONFIG_IKCONFIG), and none lies beside "
                               "it or with its modules\n");

  warnings.text.clear();
  system.file(system.linux + "/config", good_config(plain));
  system.fragment(warnings);
  EXPECT_EQ(warnings.text, "");

  std::string broken = with("CONFIG_SQUASHFS_XATTR=y", "", good_config(plain));
  broken = with("CONFIG_VIRTIO_BLK=y", "CONFIG_VIRTIO_BLK=m", broken);
  broken = with("CONFIG_PSI=y", "", broken);
  system.file(system.linux + "/config-6.1.0", broken);
  const std::string kernel = "cannot boot kernel '" + system.linux + "/bzImage' labelled: ";
  EXPECT_EQ(
      error_of([&] { system.fragment(warnings); }),
      kernel +
          "CONFIG_SQUASHFS_XATTR is unknown (the kernel has no such option, or what it depends "
          "on is off), expected y: labels are extended attributes, which squashfs does not "
          "read without it\n" +
          kernel +
          "CONFIG_VIRTIO_BLK=m, and the initrd does not carry module 'virtio_blk': the root is "
          "on this disk\n"
          "this in the kernel's configuration mends it:\n"
          "CONFIG_SQUASHFS_XATTR=y\nCONFIG_VIRTIO_BLK=y");
  EXPECT_EQ(warnings.text, "");

  system.file(system.linux + "/config-6.1.0", with("CONFIG_PSI=y", "", good_config(plain)));
  system.file(system.linux + "/initrd", "no cpio");
  system.fragment(warnings);
  EXPECT_EQ(
      warnings.text,
      "cannot judge the modules of the kernel: cannot read initrd '" + system.linux +
          "/initrd': offset 0: expected a cpio archive or compressed data\n"
          "kernel '" +
          system.linux +
          "/bzImage' lacks 1 of the options that are wanted: `intaglio kernel-config check` names "
          "them\n");
}

TEST(KernelPreflight, RefusesPermissiveModeWithoutTheSwitch) {
  Preflight system;
  Warnings warnings;
  SystemOptions options;
  options.mode = policy::SelinuxMode::kPermissive;
  system.file(system.linux + "/config", with("CONFIG_SECURITY_SELINUX_DEVELOP=y",
                                             "# CONFIG_SECURITY_SELINUX_DEVELOP is not set"));
  EXPECT_EQ(
      error_of([&] { system.fragment(warnings, options); }),
      "cannot boot kernel '" + system.linux +
          "/bzImage' labelled: CONFIG_SECURITY_SELINUX_DEVELOP is not set, expected y: without "
          "it the kernel enforces whatever /etc/selinux/config says, and mode permissive cannot "
          "be\nthis in the kernel's configuration mends it:\n"
          "CONFIG_SECURITY_SELINUX_DEVELOP=y");
}

}  // namespace
}  // namespace builder
