// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "imagefmt/tree.h"

namespace tests {

/// A labelled tree that depends on the seed alone: every kind of node, empty and large files,
/// duplicates, 255-byte and non-UTF-8 names, other xattrs, large ids and times.
imagefmt::FileTree random_tree(uint32_t seed, size_t nodes = 300);

}  // namespace tests
