// SPDX-License-Identifier: Apache-2.0
//
// A tree from a folder of the host.
#pragma once

#include <string>
#include <vector>

#include "imagefmt/path_list.h"
#include "imagefmt/selection.h"
#include "imagefmt/tree.h"

namespace imagefmt {

/// What of the metadata a scan takes.
enum class Metadata {
  /// Nothing that depends on who wrote the folder: 0:0, time 1, folders 0555, files 0444 or, if
  /// their owner may execute them, 0555; no xattrs, no ids. Only files, folders and symlinks can be taken.
  kCanonical,
  /// Modes, owners, times and xattrs as they are, and nodes of every kind. `security.selinux` alone
  /// is left behind: a label is for a policy to give. No other xattr is judged here; a writer
  /// refuses what its format cannot hold. Files have ids made of device, inode, size and times, but
  /// for those that have changed since a second before the scan.
  kKept,
};

struct ScanOptions {
  Metadata metadata = Metadata::kKept;
  unsigned jobs = 0;  // threads; 0: one a core. The result does not depend on them.
  size_t depth = 1;   // in the tree that they are for, of the entries of the scanned folder
  // What the selection leaves out is not looked at, and folders among it are not opened.
  const Selection* selection = nullptr;  // null: takes all
  // Of the folder only these are taken, with the folders above them; a listed folder brings itself,
  // not what is in it.
  const PathList* list = nullptr;
};

/// The folder `path` and all below it; `path` itself may be a symlink to it. Files are not read,
/// only their sizes and times: who reads their content later notices if they have changed. Names of
/// one hard-linked inode become nodes of their own, and what is mounted below the folder is taken
/// with it.
///
/// Throws one Error that names everything that cannot be taken, sorted by the bytes of the paths:
/// what may not be read, what the metadata asked for cannot stand for, trees deeper than kMaxDepth,
/// and listed paths that are not there: `path 3 of the list: …`.
Node scan_folder(const std::string& path, const ScanOptions& options);

/// The same for some of the folder's entries, with all that is in them: `names`, sorted by bytes,
/// each once. REQUIRES: no list.
Directory scan_entries(const std::string& path, const std::vector<std::string>& names,
                       const ScanOptions& options);

}  // namespace imagefmt
