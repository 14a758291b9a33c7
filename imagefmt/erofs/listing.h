// SPDX-License-Identifier: Apache-2.0
//
// The entries of a directory as its data.
#pragma once

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/tree.h"

namespace imagefmt::erofs {

/// The bytes that the listing of `directory` takes.
uint64_t listing_size(const Directory& directory);

/// The listing. `nids` are those of the entries, in their order.
Bytes serialize_listing(const Directory& directory, uint64_t nid, uint64_t parent_nid,
                        std::span<const uint64_t> nids);

}  // namespace imagefmt::erofs
