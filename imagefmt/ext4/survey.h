// SPDX-License-Identifier: Apache-2.0
//
// What must be known of the bytes of files before their place is known.
#pragma once

#include <vector>

#include "imagefmt/equal_files.h"
#include "imagefmt/ext4/extents.h"

namespace imagefmt::ext4 {

/// Files of this size are looked through for zeros: few files have most of the bytes, and smaller
/// ones have no holes worth an extent.
constexpr uint64_t kSparseFileBytes = 1 << 20;
constexpr uint32_t kHoleBlocks = 16;  // that a hole has at least

/// The blocks of a file but for its holes, which depend on its bytes alone, not on how the host stores
/// them. Their physical place is 0. Reads files of kSparseFileBytes or more.
std::vector<Run> find_data(const Content& content);

/// For each content the index of the first one that is equal to it, its own if there is none or if
/// it is empty. `places` as choose_comparisons() takes them. Reads what must be compared by bytes.
std::vector<uint32_t> find_equal(const std::vector<const Content*>& contents,
                                 const std::vector<KnownPlace>& places, unsigned jobs);

}  // namespace imagefmt::ext4
