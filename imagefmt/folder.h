// SPDX-License-Identifier: Apache-2.0
//
// Folders of the host: what they hold, and trees written to them (scan.h reads them).
#pragma once

#include <dirent.h>

#include <string>
#include <vector>

#include "imagefmt/base/handle.h"
#include "imagefmt/tree.h"

namespace imagefmt {

using FolderStream = Handle<DIR, closedir>;

struct FolderEntry {
  std::string name;
  unsigned char type = DT_UNKNOWN;  // DT_*, DT_UNKNOWN where the file system does not tell
};

/// For an open folder; `path` is for the message.
FolderStream stream_of(UniqueFd fd, const std::string& path);

/// What a folder holds, sorted by the bytes of the names, without '.' and '..'. `path` is for the
/// message; the stream is read from where it stands.
std::vector<FolderEntry> read_entries(DIR* stream, const std::string& path);

/// The names in the folder `path`, sorted by bytes.
std::vector<std::string> list_folder(const std::string& path);

/// Creates a folder, mode 0755.
void make_folder(const std::string& path);

/// Writes what lies below the tree's root into the folder `path`, which exists. Owners, labels and
/// times are left behind: this is for a person and for scripts, not for an image. Throws
/// `cannot write '<path>': …` for a device or socket, and if something stands there.
void write_folder(const FileTree& tree, const std::string& path);

}  // namespace imagefmt
