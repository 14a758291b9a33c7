// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "builder/closure.h"
#include "imagefmt/tree.h"

namespace builder {

/// What stands in /nix/store of the closure: an entry for each store path, sorted, whole. Metadata
/// is canonical (imagefmt/scan.h), as Nix makes it, so that hard links, umasks and users of the
/// host do not show. Files have ids made of the registered hash of their store path and their place
/// in it, which are the same on every host. Throws what cannot be taken, all of it. Runs on up to `jobs` threads (0: one a
/// core); the result does not depend on them.
imagefmt::Directory scan_store(const Closure& closure, unsigned jobs = 0);

}  // namespace builder
