// SPDX-License-Identifier: Apache-2.0
//
// What labelling must know of a closure, as plain data: builder/ fills it, policy/ reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

/// What a store path is to the system that has it. What a name alone tells is no role, but a `name`
/// rule (label_rules.h).
enum class StorePathRole {
  kPackage,        // an ordinary output: bin, lib, share … at its top
  kToplevel,       // the system, or one of its specialisations
  kSystemPath,     // `sw`: the link farm of environment.systemPackages
  kEtc,            // the tree that `<toplevel>/etc` names
  kEtcEntry,       // what one entry of it leads to: seen at that place in /etc
  kSystemUnits,    // the link farm of /etc/systemd/system
  kUserUnits,      // and of /etc/systemd/user
  kUnit,           // a folder with one unit, or its drop-ins
  kKernel,         // the kernel image's own output
  kKernelModules,  // `kernel-modules`: lib/modules
  kInitrd,
  kFirmware,
};

struct StorePath {
  std::string base_name;  // `<hash>-<name>`
  StorePathRole role = StorePathRole::kPackage;
};

/// `<name>` of `<hash>-<name>`.
std::string_view derivation_name(std::string_view base_name);

/// The package that a derivation's name names: without its version, as Nix's parseDrvName splits it
/// (`openssh-9.6p1-man` is `openssh`), and where there is none, without an output's name
/// (`config-doc` is `config`). `nginx` is neither `evil-nginx` nor `nginx-evil`.
std::string_view package_name(std::string_view derivation_name);

}  // namespace policy
