// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// Where the bytes of an image went, as its writer saw it. All that is counted once is the image:
/// each byte is in one of the counts that size_bytes() adds up.
struct WrittenImage {
  /// What each regular file takes, in the order of walk_files(): its blocks whole, and the end of
  /// its data where that stands elsewhere. What equal files have in common is the first one's; a
  /// block that holds the ends of several files is shared out by the sizes of these ends.
  std::vector<uint64_t> file_bytes;
  uint64_t inodes = 0;  // with the targets of symlinks, and with what uids and gids stand for
  uint64_t directories = 0;
  uint64_t xattrs = 0;      // labels among them; in inodes or not
  uint64_t indexes = 0;     // which say where data lies, if inodes do not say it themselves
  uint64_t superblock = 0;  // with its copies, and all else that describes the image as a whole
  uint64_t padding = 0;     // between all these
  uint64_t free = 0;        // that a mounted image can use: blocks, and the inodes of tables

  // Counted above already, or not at all.
  uint64_t file_padding = 0;  // ends of the blocks of files, unless they are compressed
  uint64_t equal_files = 0;   // that have their blocks in common with an earlier file
  uint64_t saved_bytes = 0;   // what these would take, were it not so
  uint64_t reused_bytes = 0;  // taken from a reference as they were stored there

  Bytes index;  // to be stored beside the image, for which it may be a reference (reference.h)

  uint64_t size_bytes() const {
    uint64_t size = inodes + directories + xattrs + indexes + superblock + padding + free;
    for (const uint64_t bytes : file_bytes) size += bytes;
    return size;
  }
};

}  // namespace imagefmt
