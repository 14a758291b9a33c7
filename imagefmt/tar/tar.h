// SPDX-License-Identifier: Apache-2.0
//
// A tree from a tar archive: ustar, pax (POSIX 1003.1-2001), GNU and older ones, compressed with
// whatever libarchive unpacks itself: gzip, bzip2, xz, lzma, lzip, zstd, lz4 or compress.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "imagefmt/base/file.h"
#include "imagefmt/tree.h"

namespace imagefmt {

struct TarOptions {
  /// Where data go that have to be unpacked: to a file without a name, which goes with the tree.
  std::string spool_folder;
  int64_t implied_mtime = 1;  // seconds; of folders that the archive does not name
  bool each_once = false;     // a second entry with a path is refused, unless both are folders
};

/// The tree of an archive in a regular file. If it is not compressed, the data of its files are not
/// copied: they are read from there when they are asked for, and a file that has changed meanwhile is
/// noticed.
///
/// Modes, numeric owners, times and xattrs are as the archive has them (PAX `SCHILY.xattr` and
/// `LIBARCHIVE.xattr`; ACLs as the xattrs that they are in Linux); `security.selinux` is left behind,
/// as scan_folder() does. A hard link becomes a node of its own and shares its target's content. Of
/// entries with one path the last one counts, unless each_once says otherwise, but a folder keeps
/// what is in it. Folders that are not named are 0755, 0:0.
///
/// Throws one Error that names what cannot be taken, `cannot read tar '<name>': '<entry>': …`; an
/// archive that is damaged, cut short or not one at all; one that unfolds out of proportion.
FileTree read_tar(std::shared_ptr<const File> file, const TarOptions& options);

/// The same of a stream, which `name` stands for in messages. All data are copied.
FileTree read_tar(std::istream& stream, const std::string& name, const TarOptions& options);

}  // namespace imagefmt
