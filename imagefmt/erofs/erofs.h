// SPDX-License-Identifier: Apache-2.0
//
// EROFS, as Linux 5.10 and newer read it (with zstd 6.10): a writer whose bytes depend on the tree
// and the options alone, and a reader that takes nothing of an image on trust.
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

struct ErofsOptions {
  /// Or zstd, which Linux reads since 6.10 only, or none.
  Compression compression = Compression::kLz4;
  /// lz4: 1 (fast, the default), or 3 to 12 (high compression). zstd: 1 to 22, by default 3. None
  /// has no levels.
  std::optional<int> level = std::nullopt;
  unsigned jobs = 0;             // compressing threads; 0: one a core. Never shows in the image.
  std::string volume_name = {};  // up to 15 bytes
  /// What the bytes of files were made from: the UUID derives from it and from the tree's metadata.
  std::string identity = {};
  int64_t image_mtime = 1;  // seconds; the image's own time
  /// An image that was written before, with its index beside it; empty: none. What it has of the
  /// files is copied from it. The image does not depend on it.
  std::string reference = {};
};

/// Throws for options out of range, as write_erofs() does: before the tree is made.
void check_erofs_options(const ErofsOptions& options);

/// Writes `tree` to `out` from its first byte to its last, in blocks of 4096 bytes. File data comes
/// directory by directory, entries by the bytes of their names; equal files share their blocks, and
/// short ends of uncompressed files stand beside their inodes. A file that does not shrink is
/// stored as it is. Labels are stored with a trailing NUL, as the kernel stores them; an xattr that
/// several nodes have is stored once. A progress stage counts bytes of files. Returns where the
/// bytes of the image went. Warns of a reference that cannot serve.
///
/// Throws for options out of range; for nodes that the format cannot hold, all of them named at
/// once (xattrs other than user., trusted., security. and POSIX ACLs, or with more than 65535
/// bytes; device numbers beyond 12 and 20 bits); for more than 2^32 blocks; and what reading a file
/// or writing `out` gives. `out` then holds no image.
WrittenImage write_erofs(const FileTree& tree, const ErofsOptions& options, File& out,
                         Reporter& reporter);

/// Reads the tree of an image made by any writer whose features are known: blocks of 4096 bytes;
/// lz4 and zstd in blocks or in larger clusters; chunks on one device. Names of one inode become
/// nodes of their own. The bytes of files stay in the image until they are read, which several
/// threads may do. `numbers`, where it is given, takes every path as it is met.
///
/// The image is not trusted: sizes, counts and places are checked before they are used, and a
/// small image cannot unfold into a tree without bounds. Throws
/// `cannot read erofs image '<name>': …`, here or when a file's bytes are read.
FileTree read_erofs(std::shared_ptr<const File> image, PathsByInode* numbers = nullptr);

}  // namespace imagefmt
