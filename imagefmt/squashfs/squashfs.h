// SPDX-License-Identifier: Apache-2.0
//
// Squashfs 4.0 (the kernel's fs/squashfs/squashfs_fs.h): a writer whose bytes depend on the tree
// and the options alone, and a reader that takes nothing of an image on trust. Neither knows the
// export table (it is for NFS) nor the compressors lzo and lzma.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/compression.h"
#include "imagefmt/reference.h"
#include "imagefmt/tree.h"
#include "imagefmt/written_image.h"

namespace imagefmt {

struct SquashfsOptions {
  Compression compression = Compression::kZstd;
  /// zstd 1 to 22 (default 15), xz 0 to 9 (6), gzip 1 to 9 (9), lz4 1 (fast, the default) or
  /// 12 (high compression). None has no levels.
  std::optional<int> level = std::nullopt;
  uint32_t block_size = 131072;  // bytes: a power of two from 4096 to 1048576
  unsigned jobs = 0;             // compressing threads; 0: one a core. Never shows in the image.
  /// Absolute path of a folder. The ends of files that share a block come from one entry of this
  /// folder, so that a change in one entry leaves the others' bytes alone; what lies elsewhere
  /// shares blocks freely. Files that are equal still share their bytes wherever they lie.
  std::string isolate_below = {};
  int64_t image_mtime = 1;  // seconds; the image's own time
  /// An image that was written before, with its index beside it; empty: none. What it has of the
  /// files is copied from it. The image does not depend on it.
  std::string reference = {};
};

/// Throws for options out of range, as write_squashfs() does: before the tree is made.
void check_squashfs_options(const SquashfsOptions& options);

/// Writes `tree` to `out` from its first byte to its last, padded to 4096 bytes. File data comes
/// directory by directory, entries by the bytes of their names; equal files share their bytes;
/// blocks of zeros take no room. Labels are stored with a trailing NUL, as the kernel stores them.
/// A progress stage counts bytes of files. Returns where the bytes of the image went. Warns of a
/// reference that cannot serve.
///
/// Throws for options out of range; for nodes that the format cannot hold, all of them named at
/// once (times before 1970 or after 2106, xattrs other than user., trusted. and security., device
/// numbers beyond 12 and 20 bits); for more than 65535 different ids; and what reading a file or
/// writing `out` gives. `out` then holds no image.
WrittenImage write_squashfs(const FileTree& tree, const SquashfsOptions& options, File& out,
                            Reporter& reporter);

/// Reads the tree of an image made by any writer. Names of one inode become nodes of their own.
/// The bytes of files stay in the image until they are read, which several threads may do.
///
/// The image is not trusted: sizes, counts and places are checked before they are used, and a
/// small image cannot unfold into a tree without bounds. Throws
/// `cannot read squashfs image '<name>': …`, here or when a file's bytes are read.
/// `numbers`, where it is given, takes every path as it is met.
FileTree read_squashfs(std::shared_ptr<const File> image, PathsByInode* numbers = nullptr);

}  // namespace imagefmt
