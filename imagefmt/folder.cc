// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "imagefmt/base/file.h"

namespace imagefmt {

namespace {

void write_regular(const Regular& file, uint16_t mode, const std::string& path) {
  File out = File::create(path);
  Bytes part(1 << 20);
  std::unique_ptr<ContentReader> reader = file.content.open();
  for (uint64_t done = 0; done < file.content.size_bytes();) {
    const size_t step =
        static_cast<size_t>(std::min<uint64_t>(part.size(), file.content.size_bytes() - done));
    reader->read({part.data(), step});
    out.write(done, {part.data(), step});
    done += step;
  }
  reader->finish();
  if (fchmod(out.fd(), mode) != 0) throw_errno(fmt::format("set the mode of '{}'", path));
}

}  // namespace

FolderStream stream_of(UniqueFd fd, const std::string& path) {
  FolderStream stream(fdopendir(fd.get()));
  if (!stream) throw_errno(fmt::format("open folder '{}'", path));
  (void)fd.release();
  return stream;
}

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

void make_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0) throw_errno(fmt::format("create folder '{}'", path));
}

void write_folder(const FileTree& tree, const std::string& path) {
  walk(tree, [&](const std::string& below, const Node& node) {
    if (below == "/") return;
    const std::string target = path + below;
    if (node.directory()) {
      make_folder(target);
    } else if (const Regular* file = node.regular()) {
      write_regular(*file, node.mode, target);
    } else if (const Symlink* link = node.symlink()) {
      if (symlink(link->target.c_str(), target.c_str()) != 0) {
        throw_errno(fmt::format("create symlink '{}'", target));
      }
    } else {
      throw Error(fmt::format("cannot write '{}': a device or socket", target));
    }
  });
}

}  // namespace imagefmt
