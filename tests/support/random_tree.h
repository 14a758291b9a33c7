// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "imagefmt/tree.h"

namespace tests {

/// A labelled tree that depends on the seed alone: every kind of node, empty and large files,
/// duplicates, 255-byte and non-UTF-8 names, other xattrs, large ids and times.
imagefmt::FileTree random_tree(uint32_t seed, size_t nodes = 300);

/// Adds nodes at the limits of what every format holds: 32-bit ids, the latest time, device numbers,
/// capabilities of two versions, a sparse file; and ACLs, where a format has them.
void add_limits(imagefmt::FileTree& tree, int64_t latest_time, bool has_acls);

}  // namespace tests
