// SPDX-License-Identifier: Apache-2.0
#include "builder/lsm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>

#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using policy::SelinuxMode;
using tests::error_of;

using Version = policy::KernelVersion;
constexpr Version kVersions[] = {{4, 19, 0}, {5, 0, 21}, {5, 1, 0},
                                 {5, 10, 0}, {6, 1, 0},  {6, 18, 0}};
bool is_old(const Version& version) {
  return version < Version{5, 1, 0};
}

struct Outcome {
  std::string line;  // or the message
  std::vector<std::string> warnings;
};
Outcome outcome(const std::string& line, Version version,
                SelinuxMode mode = SelinuxMode::kEnforcing) {
  Outcome result;
  const std::string error = error_of([&] {
    result.line = serialize_kernel_params(
        with_selinux(parse_kernel_params(line), {version, mode}, result.warnings));
  });
  if (error != "(no error)") result.line = error;
  return result;
}

/// What becomes of `params` before 5.1 and since.
struct Case {
  std::string name, params, before, since;
  std::vector<std::string> warnings_before = {}, warnings_since = {};
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

Case refused(std::string name, std::string params, const std::string& finding) {
  const std::string message = "cannot boot with SELinux: kernel parameter " + finding;
  return {std::move(name), std::move(params), message, message};
}

std::vector<Case> cases() {
  const std::string old = "security=selinux selinux=1 enforcing=1";
  const std::string now = "security=selinux enforcing=1";
  const std::string ignored = "' is left out: the kernel ignores it beside 'lsm='";
  const std::string no_apparmor =
      "kernel parameter 'apparmor=1' is left out: apparmor cannot run beside selinux";
  const std::string order = ", which cannot run beside selinux: take it out of security.lsm";
  return {
      {"none", "quiet loglevel=4", "quiet loglevel=4 " + old, "quiet loglevel=4 " + now},
      {"empty", "", old, now},
      {"nixos", "lsm=landlock,yama,bpf quiet", "quiet lsm=landlock,yama,selinux,bpf " + old,
       "quiet lsm=landlock,yama,selinux,bpf enforcing=1"},
      {"without_bpf", "lsm=landlock,yama", "lsm=landlock,yama,selinux " + old,
       "lsm=landlock,yama,selinux enforcing=1"},
      {"selinux_there", "lsm=bpf,selinux,yama", "lsm=bpf,selinux,yama " + old,
       "lsm=bpf,selinux,yama enforcing=1"},
      {"empty_order", "lsm=", "lsm=selinux " + old, "lsm=selinux enforcing=1"},
      {"tomoyo_stacks", "lsm=\"tomoyo,,bpf\"", "lsm=tomoyo,selinux,bpf " + old,
       "lsm=tomoyo,selinux,bpf enforcing=1"},
      {"bare_word", "lsm", old, now},
      refused("order_apparmor", "lsm=landlock,apparmor,selinux",
              "'lsm=landlock,apparmor,selinux' names 'apparmor'" + order),
      refused("order_smack", "lsm=selinux,smack", "'lsm=selinux,smack' names 'smack'" + order),
      refused("order_unknown", "lsm=SELinux",
              "'lsm=SELinux' names 'SELinux', which no kernel knows: names are lower case, between "
              "commas alone"),
      refused(
          "order_repeated", "lsm=yama lsm=yama,selinux",
          "'lsm=yama,selinux' comes after 'lsm=yama', and the kernel heeds the last alone: give "
          "one"),
      {"security_selinux", "security=selinux", old, now},
      refused("security_apparmor", "security=apparmor",
              "'security=apparmor' keeps the kernel from running selinux"),
      refused("security_none", "security=none",
              "'security=none' keeps the kernel from running selinux"),
      {"security_repeated", "security=selinux security=selinux", old, now},
      {"both_selinux",
       "security=selinux lsm=yama,bpf",
       "lsm=yama,selinux,bpf " + old,
       "lsm=yama,selinux,bpf enforcing=1",
       {},
       {"kernel parameter 'security=selinux" + ignored}},
      {"both_apparmor",
       "security=apparmor lsm=yama,bpf",
       "cannot boot with SELinux: kernel parameter 'security=apparmor' keeps the kernel from "
       "running "
       "selinux",
       "lsm=yama,selinux,bpf enforcing=1",
       {},
       {"kernel parameter 'security=apparmor" + ignored}},
      refused("selinux_off", "selinux=0", "'selinux=0' turns selinux off"),
      {"selinux_on", "selinux=1 quiet", "quiet " + old, "quiet " + old},
      refused("selinux_odd", "selinux=no", "'selinux=no' has a value other than 0 and 1"),
      refused("enforcing_off", "enforcing=0", "'enforcing=0' contradicts mode enforcing"),
      {"enforcing_on", "enforcing=1", old, now},
      {"apparmor_on", "apparmor=1", old, now, {no_apparmor}, {no_apparmor}},
      {"apparmor_off", "apparmor=0", "apparmor=0 " + old, "apparmor=0 " + now},
      {"before_init_arguments", "quiet -- single", "quiet " + old + " -- single",
       "quiet " + now + " -- single"},
  };
}

class LsmMatrix : public testing::TestWithParam<std::tuple<Case, size_t>> {};

TEST_P(LsmMatrix, GivesTheLineOrTheReason) {
  const Case& one = std::get<0>(GetParam());
  const Version version = kVersions[std::get<1>(GetParam())];
  const Outcome result = outcome(one.params, version);
  EXPECT_EQ(result.line, is_old(version) ? one.before : one.since);
  EXPECT_EQ(result.warnings, is_old(version) ? one.warnings_before : one.warnings_since);
}
INSTANTIATE_TEST_SUITE_P(All, LsmMatrix,
                         testing::Combine(testing::ValuesIn(cases()),
                                          testing::Range(size_t{0}, std::size(kVersions))),
                         [](const auto& test) {
                           const Version version = kVersions[std::get<1>(test.param)];
                           return std::get<0>(test.param).name + "_" +
                                  std::to_string(version.major) + "_" +
                                  std::to_string(version.minor);
                         });

TEST(Lsm, InModePermissiveSaysNothingOfEnforcing) {
  const Version version{6, 12, 0};
  EXPECT_EQ(outcome("lsm=yama", version, SelinuxMode::kPermissive).line, "lsm=yama,selinux");
  EXPECT_EQ(outcome("enforcing=0", version, SelinuxMode::kPermissive).line,
            "security=selinux enforcing=0");
  EXPECT_EQ(outcome("enforcing=1", version, SelinuxMode::kPermissive).line,
            "cannot boot with SELinux: kernel parameter 'enforcing=1' contradicts mode permissive");
}

TEST(Lsm, NamesEveryContradiction) {
  EXPECT_EQ(
      outcome("lsm=apparmor,smack selinux=0x0 enforcing=0 enforcing=00", {6, 12, 0}).line,
      "cannot boot with SELinux: kernel parameter 'lsm=apparmor,smack' names 'apparmor', which "
      "cannot run beside selinux: take it out of security.lsm\n"
      "cannot boot with SELinux: kernel parameter 'lsm=apparmor,smack' names 'smack', which "
      "cannot run beside selinux: take it out of security.lsm\n"
      "cannot boot with SELinux: kernel parameter 'selinux=0x0' turns selinux off\n"
      "cannot boot with SELinux: kernel parameter 'enforcing=0' contradicts mode enforcing\n"
      "cannot boot with SELinux: kernel parameter 'enforcing=00' contradicts mode enforcing");
}

// ---- A model of the kernel: ordered_lsm_parse(), and before 5.1 security_module_enable().

bool is_in(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What runs under a command line, on a kernel with every LSM built in.
std::vector<std::string> running(const KernelParams& params, Version version,
                                 const std::vector<std::string>& config_lsm) {
  auto last = [&](const char* name) -> std::optional<std::string> {
    const std::vector<std::string> values = kernel_param_values(params, name);
    if (values.empty()) return std::nullopt;
    return values.back();
  };
  std::vector<std::string> off;
  if (last("selinux") == "0") off.push_back("selinux");
  const std::optional<std::string> order = last("lsm");
  std::optional<std::string> security = last("security");
  if (is_old(version)) {
    if (!security || is_in(off, *security)) return {};
    return {*security};
  }
  std::vector<std::string> wanted = config_lsm;
  if (order) {
    wanted.clear();
    for (size_t start = 0; start <= order->size();) {
      const size_t end = std::min(order->find(',', start), order->size());
      wanted.push_back(order->substr(start, end - start));
      start = end + 1;
    }
    security = std::nullopt;
  }
  if (security) {
    for (const char* large : {"selinux", "smack", "tomoyo", "apparmor"}) {
      if (large != *security) off.emplace_back(large);
    }
    wanted.push_back(*security);
  }
  std::vector<std::string> result;
  bool taken = false;
  for (const std::string& name : wanted) {
    if (is_in(off, name) || is_in(result, name)) continue;
    if (is_in({"selinux", "smack", "apparmor"}, name)) {
      if (taken) continue;
      taken = true;
    }
    result.push_back(name);
  }
  return result;
}

TEST(Lsm, RunsSelinuxOnEveryKernelThatIsNotRefused) {
  const std::vector<std::vector<std::string>> configs = {
      {},
      {"landlock", "yama", "apparmor", "bpf"},
      {"lockdown", "smack", "selinux", "tomoyo", "apparmor"},
      {"selinux", "bpf"}};
  const char* kWords[] = {"lsm=landlock,yama,bpf",
                          "lsm=selinux",
                          "lsm=",
                          "lsm=apparmor",
                          "quiet",
                          "lsm=tomoyo,selinux",
                          "security=selinux",
                          "security=tomoyo",
                          "security=apparmor",
                          "selinux=0",
                          "selinux=1",
                          "apparmor=1"};
  std::mt19937 random(7);
  size_t accepted = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string line;
    for (auto count = random() % 4; count > 0; --count) {
      line += kWords[random() % std::size(kWords)] + std::string(" ");
    }
    const Version version = kVersions[random() % std::size(kVersions)];
    const Outcome result = outcome(line, version);
    if (result.line.find("cannot") == 0) continue;
    ++accepted;
    for (const std::vector<std::string>& config : configs) {
      EXPECT_TRUE(is_in(running(parse_kernel_params(result.line), version, config), "selinux"))
          << line << " -> " << result.line;
    }
    // What is right already stays as it is.
    EXPECT_EQ(outcome(result.line, version).line, result.line) << line;
  }
  EXPECT_GT(accepted, 1000u);
}

// ---- The whole line.

CommandLineInput qemu() {
  CommandLineInput input;
  input.board_params = {"console=ttyS0"};
  input.closure_params = "loglevel=4 lsm=landlock,yama,bpf";
  input.root = "/dev/vda";
  input.root_filesystem = "squashfs";
  input.init = "/nix/store/x-init/init";
  input.architecture = "x86_64";
  input.lsm = {{6, 12, 0}, SelinuxMode::kEnforcing};
  return input;
}

TEST(CommandLine, HasBoardClosureRootInitAndLsm) {
  const CommandLine line = make_command_line(qemu());
  EXPECT_EQ(line.text,
            "console=ttyS0 loglevel=4 root=/dev/vda rootfstype=squashfs ro "
            "init=/nix/store/x-init/init lsm=landlock,yama,selinux,bpf enforcing=1");
  EXPECT_TRUE(line.warnings.empty());
}

TEST(CommandLine, ReplacesWhatTheClosureSaysOfTheRoot) {
  CommandLineInput input = qemu();
  input.closure_params =
      "root=fstab rw root=/dev/sda1 rootfstype=ext4 init=/old rootflags=x quiet -- 3";
  input.read_only = false;
  const CommandLine line = make_command_line(input);
  EXPECT_EQ(line.text,
            "console=ttyS0 rootflags=x quiet root=/dev/vda rootfstype=squashfs rw "
            "init=/nix/store/x-init/init security=selinux enforcing=1 -- 3");
  EXPECT_EQ(line.warnings,
            (std::vector<std::string>{
                "kernel parameter 'root=/dev/sda1' of the closure is replaced by the image's own",
                "kernel parameter 'rootfstype=ext4' of the closure is replaced by the image's own",
                "kernel parameter 'init=/old' of the closure is replaced by the image's own"}));
}

TEST(CommandLine, KeepsTheClosuresRootIfTheImageNamesNone) {
  CommandLineInput input = qemu();
  input.closure_params = "root=fstab rootfstype=erofs";
  input.root.clear();
  input.root_filesystem.clear();
  EXPECT_EQ(make_command_line(input).text,
            "console=ttyS0 root=fstab rootfstype=erofs ro init=/nix/store/x-init/init "
            "security=selinux enforcing=1");
}

TEST(CommandLine, IsNoLongerThanTheKernelReads) {
  EXPECT_EQ(command_line_limit("x86_64"), 2047u);
  EXPECT_EQ(command_line_limit("aarch64"), 2047u);
  EXPECT_EQ(command_line_limit("armv7l"), 1023u);
  EXPECT_EQ(command_line_limit("riscv64"), 1023u);
  EXPECT_EQ(command_line_limit("mips"), 511u);
  CommandLineInput input = qemu();
  input.init += std::string(2047 - make_command_line(input).text.size(), 'x');
  EXPECT_EQ(make_command_line(input).text.size(), 2047u);
  input.init += 'x';
  EXPECT_EQ(error_of([&] { make_command_line(input); }),
            "cannot use the kernel command line: it has 2048 bytes, and a kernel for x86_64 reads "
            "2047");
}

TEST(CommandLine, RefusesBoardParametersForInit) {
  CommandLineInput input = qemu();
  input.board_params = {"console=ttyS0 -- single"};
  EXPECT_EQ(error_of([&] { make_command_line(input); }),
            "cannot use kernel parameter 'console=ttyS0 -- single' of the board: it has arguments "
            "for init");
}

TEST(RunningLsms, AreThoseOfTheOrderThatTheKernelHas) {
  auto running = [](const std::string& line, std::string_view order,
                    const std::string& absent = "") {
    std::string text;
    for (const std::string& name :
         running_lsms(parse_kernel_params(line), order, [&](std::string_view symbol) {
           return absent.empty() || symbol.find(absent) == symbol.npos;
         })) {
      text += (text.empty() ? "" : ",") + name;
    }
    return text;
  };
  EXPECT_EQ(running("", "yama,selinux,bpf"), "yama,selinux,bpf");
  EXPECT_EQ(running("", "apparmor,selinux,tomoyo"), "apparmor,tomoyo");
  EXPECT_EQ(running("", "apparmor,selinux", "APPARMOR"), "selinux");
  EXPECT_EQ(running("", "yama,integrity,yama,,nothing,selinux"), "yama,selinux");
  EXPECT_EQ(running("security=selinux", "yama,apparmor,selinux,tomoyo,bpf"), "yama,selinux,bpf");
  EXPECT_EQ(running("security=selinux", "yama,bpf"), "yama,bpf,selinux");
  EXPECT_EQ(running("security=apparmor security=selinux", "apparmor,selinux"), "selinux");
  EXPECT_EQ(running("lsm=yama,tomoyo,selinux security=apparmor", "apparmor"),
            "yama,tomoyo,selinux");
  EXPECT_EQ(running("lsm=a lsm=selinux", "apparmor"), "selinux");
  EXPECT_EQ(running("lsm=", "selinux"), "");
  EXPECT_EQ(running("selinux=0", "selinux,apparmor"), "apparmor");
  EXPECT_EQ(running("apparmor=0 selinux=1", "apparmor,selinux"), "selinux");
}

TEST(RunningLsms, AreSelinuxWithWhatWeMakeOfACommandLine) {
  std::vector<std::string> warnings;
  for (const char* line :
       {"", "lsm=landlock,yama,bpf", "lsm=tomoyo security=apparmor", "apparmor=1"}) {
    const KernelParams params = with_selinux(parse_kernel_params(line), {{6, 1, 0}}, warnings);
    const std::vector<std::string> running =
        running_lsms(params, "landlock,apparmor,selinux", [](std::string_view) { return true; });
    EXPECT_EQ(std::count(running.begin(), running.end(), "selinux"), 1) << line;
  }
}

}  // namespace
}  // namespace builder
