// SPDX-License-Identifier: Apache-2.0
//
// A system closure: the store paths that make up a NixOS system, as nixpkgs' closureInfo lists
// them, and which of them is the system itself.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/registration.h"
#include "policy/store_path.h"

namespace builder {

/// A system that the toplevel offers beside itself, by its name in `<toplevel>/specialisation/`.
struct Specialisation {
  std::string name;
  std::string toplevel;  // a store path of the closure
};

struct Closure {
  std::vector<StorePathInfo> paths;  // sorted by the bytes of `path`, each once
  std::string store_root;            // the folder under which /nix/store lies, "" for `/`
  std::string toplevel;              // a store path of the closure
  std::vector<Specialisation> specialisations;  // sorted by the bytes of `name`

  /// Where the host has a path of the closure.
  std::string host_path(std::string_view path) const { return store_root + std::string(path); }
};

/// Null if the closure has no such store path.
const StorePathInfo* find_store_path(const Closure& closure, std::string_view path);

/// Reads `folder`/store-paths and `folder`/registration and checks them against each other and
/// against the disk: every path that is listed stands there. `store_root` is the folder under which
/// /nix/store lies ("/" or "" for the host's own). Without `toplevel` it is the one store path that
/// holds `nixos-version` and `init` and that no other such path names in its `specialisation/`.
/// Throws all independent mistakes as one Error.
Closure read_closure(const std::string& folder, const std::string& store_root,
                     const std::optional<std::string>& toplevel = std::nullopt);

/// Every store path of the closure with its role, in the order of `closure.paths`. Roles come from
/// what the toplevels and their /etc link to; whoever labels still follows the links. Throws only if
/// a folder cannot be read.
std::vector<policy::StorePath> store_path_roles(const Closure& closure);

}  // namespace builder
