// SPDX-License-Identifier: Apache-2.0
#include "builder/folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::throw_errno;

std::vector<FolderEntry> read_entries(DIR* stream, const std::string& path) {
  std::vector<FolderEntry> entries;
  while (true) {
    errno = 0;
    const dirent* entry = readdir(stream);
    if (!entry) break;
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") entries.push_back({std::string(name), entry->d_type});
  }
  if (errno != 0) throw_errno(fmt::format("read folder '{}'", path));
  std::sort(entries.begin(), entries.end(),
            [](const FolderEntry& a, const FolderEntry& b) { return a.name < b.name; });
  return entries;
}

std::vector<std::string> list_folder(const std::string& path) {
  FolderStream stream(opendir(path.c_str()));
  if (!stream) throw_errno(fmt::format("open folder '{}'", path));
  std::vector<std::string> names;
  for (FolderEntry& entry : read_entries(stream.get(), path)) {
    names.push_back(std::move(entry.name));
  }
  return names;
}

}  // namespace builder
