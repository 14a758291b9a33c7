// SPDX-License-Identifier: Apache-2.0
//
// The kernel command line of an image, and the part of it that this project stands or falls with:
// the arguments under which the kernel really runs SELinux.
//
// What kernels do (security/security.c; since 6.19 security/lsm_init.c: lsm_init_ordered(),
// ordered_lsm_parse()):
//   - before 5.1, `security=NAME` picks the one large LSM; `lsm=` is unknown.
//   - since 5.1, `lsm=` is the whole order, whatever CONFIG_LSM says, and `security=` is ignored
//     beside it. Of selinux, apparmor and smack the first one named runs, alone.
//   - since 5.1 without `lsm=`, `security=selinux` turns the other large LSMs off and appends
//     selinux to CONFIG_LSM if it is not there. So what CONFIG_LSM holds need not be known.
//   - of several `lsm=` or `security=` the last counts.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builder/kernel_params.h"
#include "policy/etc_selinux.h"
#include "policy/kernel_version.h"

namespace builder {

/// A security module that CONFIG_LSM can name.
struct Lsm {
  std::string_view name;
  std::string_view symbol;  // without CONFIG_: the option that builds it in
  bool is_exclusive;        // of these the first in the order runs, alone
  bool is_large;            // `security=` picks one of these, and turns the others off
};

/// In the order of the kernel's own CONFIG_LSM.
std::span<const Lsm> known_lsms();
/// Throws `unknown security module '…', expected …`.
const Lsm& find_lsm(std::string_view name);

/// The security modules that a kernel since 5.1 runs, in order, with this command line and this
/// CONFIG_LSM. `is_built_in` answers for an option. Names that are none are left out, as the kernel
/// does.
std::vector<std::string> running_lsms(const KernelParams& params, std::string_view config_lsm,
                                      const std::function<bool(std::string_view)>& is_built_in);

struct LsmInput {
  policy::KernelVersion kernel;
  policy::SelinuxMode mode = policy::SelinuxMode::kEnforcing;
};

/// `params` under which SELinux runs in the wanted mode. The arguments that decide it are taken out
/// and put at the end: `lsm=` with selinux in it (before `bpf`, everything else in its order), or
/// `security=selinux` where that counts, then `selinux=` and `enforcing=`. What has no effect is
/// left out with a warning. Throws one Error with a line for each parameter that contradicts
/// SELinux.
KernelParams with_selinux(KernelParams params, const LsmInput& input,
                          std::vector<std::string>& warnings);

struct CommandLineInput {
  std::vector<std::string> board_params;  // the board's own, each as written
  std::string_view closure_params;        // the text of the toplevel's `kernel-params`
  std::string root;                       // `root=`; empty if the initrd knows the root by itself
  std::string root_filesystem;            // `rootfstype=`; empty for none
  bool read_only = true;                  // `ro` or `rw`
  std::string init;                       // `init=`
  std::string architecture;               // "x86_64", "aarch64" …
  LsmInput lsm;
};

struct CommandLine {
  std::string text;                   // one line, without a line break
  std::vector<std::string> warnings;  // what was replaced or left out, each with the reason
};

/// Board, closure, root, init, LSM, in this order. The closure's own `root=`, `rootfstype=`, `ro`,
/// `rw` and `init=` are replaced, with a warning unless it is what NixOS always sets. Throws if the
/// line is longer than the kernel reads.
CommandLine make_command_line(const CommandLineInput& input);

/// How many bytes of a command line a kernel reads: COMMAND_LINE_SIZE without the NUL.
size_t command_line_limit(std::string_view architecture);

}  // namespace builder
