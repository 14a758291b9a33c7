// SPDX-License-Identifier: Apache-2.0
//
// FAT32, for the partitions that firmware reads: an EFI system partition above all. After Microsoft's
// "FAT: General Overview of On-Disk Format" 1.03.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/tree.h"

namespace imagefmt {

struct FatOptions {
  uint32_t sector_bytes = 512;  // of the disk: a power of two from 512 to 4096
  /// Of the whole file system. 0: the smallest that holds the tree and that every reader takes for
  /// FAT32, which wants 65,525 clusters (34 MB with sectors of 512 bytes, 269 MB with 4096).
  uint64_t size_bytes = 0;
  std::string volume_name = {};  // up to 11 of A to Z, 0 to 9, '-' and '_'
  std::string identity = {};     // the volume's serial number derives from it and from the tree
};

/// The size that write_fat() will give. Throws what it throws before it writes.
uint64_t planned_fat_size(const FileTree& tree, const FatOptions& options);

/// Writes the folders and files of `tree`, each file in one piece, in the order of the tree. Owners,
/// modes, xattrs and labels have no place in the format and are left behind; times are kept to two
/// seconds, those before 1980 as its first second.
///
/// Throws all that stands against it as one Error before `out` is touched: nodes that are neither
/// file nor folder, names that are not UTF-8 or that firmware could not tell from another, files of 4
/// GiB, a tree that does not fit in `size_bytes`. Then what reading a file or writing `out` gives.
void write_fat(const FileTree& tree, const FatOptions& options, File& out, Reporter& reporter);

/// Reads the tree of a FAT32 file system made by any writer: files 0644, folders 0755, all 0:0. The
/// image is not trusted: `cannot read FAT image '<name>': …` for chains that leave the image, meet or
/// do not end, copies of the table that differ, names that are none, and folders without end.
FileTree read_fat(std::shared_ptr<const File> image);

}  // namespace imagefmt
