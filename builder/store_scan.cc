// SPDX-License-Identifier: Apache-2.0
//
// Everything is opened relative to the folder above it and never through a symlink, so that a store
// that changes under the scan cannot lead it elsewhere.
#include "builder/store_scan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "builder/folder.h"
#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"

namespace builder {

using imagefmt::Content;
using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::Node;
using imagefmt::throw_errno;
using imagefmt::UniqueFd;

namespace {

constexpr size_t kMaxPath = 4095;  // PATH_MAX without its NUL
constexpr size_t kDepthOfStorePaths = 3;

using SharedPath = std::shared_ptr<const std::string>;

const char* kind_name(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFSOCK:
      return "a socket";
    case S_IFIFO:
      return "a fifo";
    case S_IFCHR:
      return "a character device";
    case S_IFBLK:
      return "a block device";
    default:
      return "an inode of unknown kind";
  }
}

mode_t type_bits(unsigned char type) {
  return type == DT_REG ? S_IFREG : type == DT_DIR ? S_IFDIR : type == DT_LNK ? S_IFLNK : 0;
}

/// Reads one store path. Mistakes are collected, and what they stand for is left out.
class Scanner {
 public:
  Scanner(SharedPath store, Faults& faults) : store_(std::move(store)), faults_(faults) {}

  Node scan(int store_fd, const std::string& base_name) {
    return take(store_fd, store_, {base_name, DT_UNKNOWN}, kDepthOfStorePaths);
  }

 private:
  /// An empty Node where there is a fault, which will be thrown anyway.
  Node take(int parent, const SharedPath& folder, const FolderEntry& entry, size_t depth) {
    try {
      return read_node(parent, folder, entry, depth);
    } catch (const Error& error) {
      faults_.add(error.what());
      return {};
    }
  }

  Node read_node(int parent, const SharedPath& folder, const FolderEntry& entry, size_t depth) {
    if (depth > imagefmt::kMaxDepth) {
      throw Error(fmt::format("cannot take '{}/{}': deeper than {} folders", *folder, entry.name,
                              imagefmt::kMaxDepth));
    }
    struct stat status {};
    status.st_mode = type_bits(entry.type);
    // A folder or a link tells all by being opened or read: a stat less for each.
    if (!S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode) &&
        fstatat(parent, entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno(fmt::format("stat '{}/{}'", *folder, entry.name));
    }
    if (S_ISREG(status.st_mode)) return read_regular(parent, folder, entry.name, status);
    if (S_ISLNK(status.st_mode)) return read_symlink(parent, *folder, entry.name);
    if (S_ISDIR(status.st_mode)) return read_folder(parent, *folder, entry.name, depth);
    throw Error(
        fmt::format("cannot take '{}/{}': {}, and a store holds files, folders and symlinks only",
                    *folder, entry.name, kind_name(status.st_mode)));
  }

  Node read_regular(int parent, const SharedPath& folder, const std::string& name,
                    const struct stat& status) {
    // The store's files may be read by all; only for others the question costs a call.
    if ((status.st_mode & 0444) != 0444 &&
        faccessat(parent, name.c_str(), R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno(fmt::format("read '{}/{}'", *folder, name));
    }
    if (size_t length = folder->size() + 1 + name.size(); length > kMaxPath) {
      throw Error(fmt::format("cannot take '{}/{}': a path of {} bytes, longer than {}", *folder,
                              name, length, kMaxPath));
    }
    bool executable = status.st_mode & S_IXUSR;
    return imagefmt::make_regular(
        Content::from_host_file(folder, name, static_cast<uint64_t>(status.st_size),
                                status.st_mtim),
        executable ? 0555 : 0444);
  }

  Node read_symlink(int parent, const std::string& folder, const std::string& name) {
    char target[imagefmt::kMaxSymlinkTarget + 1];
    ssize_t length = readlinkat(parent, name.c_str(), target, sizeof target);
    if (length < 0) throw_errno(fmt::format("read link '{}/{}'", folder, name));
    if (static_cast<size_t>(length) > imagefmt::kMaxSymlinkTarget) {
      throw Error(fmt::format("cannot take '{}/{}': a symlink's target longer than {} bytes",
                              folder, name, imagefmt::kMaxSymlinkTarget));
    }
    return imagefmt::make_symlink({target, static_cast<size_t>(length)});
  }

  Node read_folder(int parent, const std::string& folder, const std::string& name, size_t depth) {
    SharedPath path = std::make_shared<const std::string>(folder + '/' + name);
    FolderStream stream = open_folder(parent, name, *path);
    std::vector<FolderEntry> found = read_entries(stream.get(), *path);
    Directory directory;
    directory.entries.reserve(found.size());
    for (FolderEntry& entry : found) {
      Node node = take(dirfd(stream.get()), path, entry, depth + 1);
      directory.entries.push_back({std::move(entry.name), std::move(node)});
    }
    return {std::move(directory), 0555};
  }

  static FolderStream open_folder(int parent, const std::string& name, const std::string& path) {
    int fd = openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) throw_errno(fmt::format("open folder '{}'", path));
    FolderStream stream(fdopendir(fd));
    if (!stream) {
      UniqueFd closed_on_the_way_out(fd);
      throw_errno(fmt::format("open folder '{}'", path));
    }
    return stream;
  }

  SharedPath store_;
  Faults& faults_;
};

}  // namespace

Directory scan_store(const Closure& closure, unsigned jobs) {
  const size_t count = closure.paths.size();
  SharedPath store = std::make_shared<const std::string>(closure.host_path(kStoreFolder));
  UniqueFd fd(open(store->c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw_errno(fmt::format("open folder '{}'", *store));

  std::vector<Entry> entries(count);
  std::vector<Faults> faults(count);
  imagefmt::parallel_for(jobs, count, [&](size_t i) {
    entries[i].name = base_name_of(closure.paths[i].path);
    entries[i].node = Scanner(store, faults[i]).scan(fd.get(), entries[i].name);
  });

  Faults all;
  for (const Faults& some : faults) {
    for (const std::string& message : some.messages()) all.add(message);
  }
  all.throw_if_any();
  return Directory(std::move(entries));
}

}  // namespace builder
