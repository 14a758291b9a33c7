// SPDX-License-Identifier: Apache-2.0
//
// ext2 as the oldest readers know it: block maps instead of extents, group descriptors of 32 bytes, no
// journal and no checksums. For boot partitions of loaders that read nothing newer, which lk2nd is one
// of; all else takes ext4 (imagefmt/ext4/), whose reader reads these too.
#pragma once

#include <cstdint>
#include <string>

#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/tree.h"

namespace imagefmt {

struct Ext2Options {
  /// The least that the image is to have; it is larger if the tree needs more.
  uint64_t min_size_bytes = 0;
  std::string volume_name = {};  // up to 16 bytes
  std::string identity = {};     // of what the tree was made from; the UUID derives from it
  int64_t image_mtime = 1;       // seconds; the image's own time
};

/// The size that write_ext2() gives, in whole MiB. Throws what it throws before it writes.
uint64_t planned_ext2_size(const FileTree& tree, const Ext2Options& options);

/// Writes the folders and files of `tree` with modes, owners and times. Labels and other xattrs are
/// left behind: loaders look at none.
///
/// Throws, as one Error and before `out` is touched, for nodes that are neither file nor folder, files
/// of more than 4 GiB, times before 1970 or after 2106, and a volume name that is too long. Then what
/// reading a content or writing `out` gives.
void write_ext2(const FileTree& tree, const Ext2Options& options, File& out, Reporter& reporter);

}  // namespace imagefmt
