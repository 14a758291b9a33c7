// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>

#include <string>
#include <vector>

#include "imagefmt/base/handle.h"

namespace builder {

using FolderStream = imagefmt::Handle<DIR, closedir>;

struct FolderEntry {
  std::string name;
  unsigned char type = DT_UNKNOWN;  // DT_*, DT_UNKNOWN where the file system does not tell
};

/// What a folder holds, sorted by the bytes of the names, without '.' and '..'. `path` is for the
/// message; the stream is read from where it stands.
std::vector<FolderEntry> read_entries(DIR* stream, const std::string& path);

/// The names in the folder `path` of the host, sorted by bytes.
std::vector<std::string> list_folder(const std::string& path);

}  // namespace builder
