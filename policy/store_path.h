// SPDX-License-Identifier: Apache-2.0
//
// What labelling must know of a closure, as plain data: builder/ fills it, policy/ reads it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

enum class StorePathRole {
  kPackage,        // an ordinary output: bin, lib, share … at its top
  kToplevel,       // the system, or one of its specialisations
  kSystemPath,     // `sw`: the link farm of environment.systemPackages
  kEtc,            // the tree that `<toplevel>/etc` names
  kEtcEntry,       // what one entry of it leads to: seen at that place in /etc
  kSystemUnits,    // `system-units`, `user-units`: link farms of units
  kUnit,           // `unit-<name>`: a folder with one unit, or its drop-ins
  kUnitScript,     // `unit-script-<name>`: what ExecStart= of a NixOS unit runs
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
