// SPDX-License-Identifier: Apache-2.0
//
// ext4: a writer that knows where each byte goes before it writes the first one, and a reader that
// takes nothing of an image on trust.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/reference.h"
#include "imagefmt/tree.h"
#include "imagefmt/written_image.h"

namespace imagefmt {

struct Ext4Options {
  /// For what is written once the image is in use. Without it the image is sealed: as small as its
  /// files allow. With it the file system can grow while it is mounted, unless what is beside the
  /// bytes of files takes more than 128 MiB: then only resize2fs makes it larger, unmounted.
  uint64_t free_space_bytes = 0;
  /// Beside the free space, one of the size that mke2fs would choose.
  bool journal = false;
  /// Equal files have their blocks in common; such a file system can only be mounted read-only.
  /// They are found by their digests, so that files of equal size are read twice.
  bool share_data = false;
  /// The most that the image may have; 0: any size.
  uint64_t max_size_bytes = 0;
  std::string volume_name = {};  // up to 16 bytes
  /// Of what the tree was made from (digests of the store paths, say): UUID and hash seed derive
  /// from it and from the tree's metadata.
  std::string identity = {};
  int64_t image_mtime = 1;  // seconds; the image's own time
  /// An image that was written before, with its index beside it; empty: none. What it has of the
  /// files is copied from it. The image does not depend on it.
  std::string reference = {};
  unsigned jobs = 0;  // threads; 0: one a core. Never shows in the image.
};

/// Throws for options out of range, as write_ext4() does: before the tree is made.
void check_ext4_options(const Ext4Options& options);

/// The size that write_ext4() will give. Throws what it throws before it writes. Reads what of the
/// files it must know before: where large ones are zero, and with share_data their digests.
uint64_t planned_ext4_size(const FileTree& tree, const Ext4Options& options);

/// Writes `tree` to `out`, from its first byte to its last. Files lie one behind the other, directory
/// by directory, in one piece each; runs of 64 KiB of zeros in files of 1 MiB or more are holes.
/// Labels are stored with a trailing NUL, as the kernel stores them, in the inodes where they fit,
/// and else in blocks that inodes of the same xattrs share. There is no lost+found.
/// A progress stage counts bytes of files. Returns where the bytes of the image went. Warns of a
/// reference that cannot serve.
///
/// Throws for options out of range; for nodes that the format cannot hold, all of them named at
/// once (times before 1901 or after 2446, xattrs other than user., trusted., security. and ACLs or
/// of more than 4 KiB together, device numbers beyond 12 and 20 bits); for an image larger than
/// max_size_bytes; all this before it touches `out`. Then what reading a file or writing `out` gives;
/// `out` then holds no image.
WrittenImage write_ext4(const FileTree& tree, const Ext4Options& options, File& out,
                        Reporter& reporter);

/// Reads the tree of an image made by any writer, lost+found included. Names of one inode become
/// nodes of their own. The bytes of files stay in the image until they are read, which several
/// threads may do. Of the parts of nanoseconds nothing is kept. Checksums are not compared, which
/// the kernel and e2fsck do.
///
/// The image is not trusted: sizes, counts and places are checked before they are used, and a small
/// image cannot unfold into a tree without bounds. Throws `cannot read ext4 image '<name>': …`,
/// here or when a file's bytes are read; so for features of ext4 that change what is where and that
/// are not known here (inline data, encryption, an unfinished journal). Images of ext2 and ext3 are
/// read as well.
/// `numbers`, where it is given, takes every path as it is met.
FileTree read_ext4(std::shared_ptr<const File> image, PathsByInode* numbers = nullptr);

}  // namespace imagefmt
