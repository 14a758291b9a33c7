// SPDX-License-Identifier: Apache-2.0
//
// What the host's store shared and the image cannot: names of one hard-linked inode whose labels
// differ. For the report only: nothing that is found here may reach an artifact, since the store's
// optimisation must not change a byte of one.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "imagefmt/tree.h"

namespace builder {

/// One inode of the host that the image needs several of.
struct SplitFile {
  uint64_t size_bytes = 0;
  std::map<std::string, std::vector<std::string>> names_by_label;  // paths, as walk() gives them
};

struct Splits {
  std::vector<SplitFile> files;  // by the first name of each
  uint64_t extra_inodes = 0;     // beyond one an inode of the host
  /// Their sizes. A format that shares equal bytes between files, such as squashfs, does not store
  /// them again; it pays for the inodes.
  uint64_t extra_bytes = 0;
};

/// Asks the host for the inode of each file of a labelled tree that lies there.
Splits find_splits(const imagefmt::FileTree& tree);

}  // namespace builder
