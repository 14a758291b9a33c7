// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "builder/closure.h"
#include "imagefmt/tree.h"

namespace builder {

/// What stands in /nix/store of the closure: an entry for each store path, sorted, whole. Owners,
/// modes and times are the store's canonical ones whatever the disk has, so that hard links, umasks
/// and users of the host do not show: 0:0, time 1, folders 0555, files 0444 or, if their owner may
/// execute them, 0555; xattrs are left behind. Files are not read, only their sizes and times; who
/// reads their content later notices if they have changed.
///
/// Throws one Error that names everything that cannot be taken: sockets, fifos and devices,
/// what may not be read, trees deeper than imagefmt::kMaxDepth. Runs on up to `jobs` threads (0:
/// one a core); the result does not depend on them.
imagefmt::Directory scan_store(const Closure& closure, unsigned jobs = 0);

}  // namespace builder
