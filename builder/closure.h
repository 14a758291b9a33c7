// SPDX-License-Identifier: Apache-2.0
//
// A system closure: the store paths that make up a NixOS system, what stands at them, and which of
// them is the system itself.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/closure_source.h"
#include "builder/registration.h"
#include "imagefmt/tree.h"
#include "policy/store_path.h"

namespace builder {

/// A system that the toplevel offers beside itself, by its name in `<toplevel>/specialisation/`.
struct Specialisation {
  std::string name;
  std::string toplevel;  // a store path of the closure
};

struct Closure {
  std::vector<StorePathInfo> paths;  // sorted by the bytes of `path`, each once
  /// /nix/store with all of them (store_scan.h), wherever they came from: whoever looks for
  /// something in the closure looks here.
  imagefmt::FileTree store;                     // none is left once assemble() has it
  std::string toplevel;                         // a store path of the closure
  std::vector<Specialisation> specialisations;  // sorted by the bytes of `name`
};

using ClosureOptions = SourceOptions;

/// Reads a closure from whatever `source` is (closure_source.h). The toplevel, if the options name
/// none, is the one store path that holds `nixos-version` and `init` and that no other such path names
/// in its `specialisation/`. Throws all independent mistakes as one Error.
Closure read_closure(const std::string& source, const ClosureOptions& options = {});

/// Every store path of the closure with its role, in the order of `closure.paths`. Roles come from
/// what the toplevels and their /etc link to; whoever labels still follows the links.
std::vector<policy::StorePath> store_path_roles(const Closure& closure);

}  // namespace builder
