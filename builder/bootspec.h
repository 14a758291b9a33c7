// SPDX-License-Identifier: Apache-2.0
//
// How a system wants to be booted: its bootspec (NixOS RFC 125, nixpkgs
// nixos/modules/system/activation/bootspec.nix), or, for systems older than that, the same facts
// from the files of the toplevel.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/closure.h"

namespace builder {

struct Bootspec {
  std::string name;      // of a specialisation; empty for the system itself
  std::string toplevel;  // a store path
  std::string init;      // paths of the closure: `/nix/store/…`
  std::string kernel;
  std::optional<std::string> initrd;
  std::vector<std::string> kernel_params;  // without root= and init=; a param may hold blanks
  std::string label;                       // for a boot menu
  std::string system;                      // `x86_64-linux`; empty if nothing says it
  std::vector<Bootspec> specialisations;   // sorted by the bytes of `name`
};

/// Reads a boot.json as it is: `org.nixos.bootspec.v1` beside `org.nixos.specialisation.v1`, or the
/// forms from before the RFC, an object `v1` or the same keys at the top, with `specialisation`.
/// `name` stands in messages: `<name>:<line>:<column>: …` or `cannot read '<name>': key '…': …`.
Bootspec parse_bootspec(std::string_view text, std::string_view name);

/// Splits what Linux takes as its command line: blanks separate, unless between double quotes.
std::vector<std::string> split_kernel_params(std::string_view text);

/// The bootspec of `closure.toplevel`: from its boot.json, else from `kernel`, `initrd`,
/// `kernel-params`, `nixos-version` and `system` of the toplevel. `kernel` and `initrd` have their
/// links followed and lie in the closure, as do all toplevels; so do those of
/// the specialisations.
Bootspec read_bootspec(const Closure& closure);

}  // namespace builder
