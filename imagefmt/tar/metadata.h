// SPDX-License-Identifier: Apache-2.0
//
// What an entry of a tar archive says of its node. Private to this folder.
#pragma once

#include "imagefmt/tree.h"

struct archive_entry;

namespace imagefmt::tar {

/// The entry's node, with nothing in it if it is a file or a folder. Throws what no node can stand
/// for. REQUIRES: it is no hard link.
Node node_of(archive_entry* header);

/// Of a regular file.
uint64_t size_of(archive_entry* header);

}  // namespace imagefmt::tar
