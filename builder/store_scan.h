// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "builder/registration.h"
#include "imagefmt/tree.h"

namespace builder {

/// Without slashes at its end, so that a path of the store can follow; "/" is "".
std::string plain_store_root(std::string store_root);

/// What stands in /nix/store of the host: an entry for each of `paths`, in their order, whole.
/// Metadata is canonical (imagefmt/scan.h), as Nix makes it, so that hard links, umasks and users of
/// the host do not show. Files have ids made of the registered hash of their store path and their
/// place in it, which are the same on every host. `store_root` is the folder under which /nix/store
/// lies, "" for `/`. Throws what cannot be taken, all of it. Runs on up to `jobs` threads (0: one a
/// core); the result does not depend on them.
imagefmt::Directory scan_store(const std::vector<StorePathInfo>& paths,
                               const std::string& store_root, unsigned jobs = 0);

/// Gives the files of a store from elsewhere those ids.
void identify_files(imagefmt::Directory& store, const std::vector<StorePathInfo>& paths,
                    unsigned jobs);

/// How deep store paths lie in the tree that has /nix/store.
constexpr size_t kDepthOfStorePaths = 3;

}  // namespace builder
