// SPDX-License-Identifier: Apache-2.0
//
// Everything is opened relative to the folder above it and never through a symlink, so that a
// folder that changes under the scan cannot lead it elsewhere.
#include "imagefmt/scan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <optional>
#include <utility>

#include "imagefmt/base/error.h"
#include "imagefmt/base/parallel.h"
#include "imagefmt/folder.h"

namespace imagefmt {

namespace {

constexpr size_t kMaxPath = 4095;        // PATH_MAX without its NUL
constexpr size_t kMaxXattrList = 65536;  // XATTR_LIST_MAX, XATTR_SIZE_MAX of <linux/limits.h>
constexpr size_t kMaxXattrSize = 65536;
constexpr std::string_view kLabelXattr = "security.selinux";

using SharedPath = std::shared_ptr<const std::string>;

struct OpenFolder {
  FolderStream stream;
  SharedPath path;
  int fd() const { return dirfd(stream.get()); }
};
/// Open as long as something in it is still to be taken.
using SharedFolder = std::shared_ptr<const OpenFolder>;

SharedFolder open_folder(int parent, const std::string& name, std::string path, int flags) {
  UniqueFd fd(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
  if (!fd) throw_errno(fmt::format("open folder '{}'", path));
  FolderStream stream = stream_of(std::move(fd), path);
  return std::make_shared<const OpenFolder>(
      OpenFolder{std::move(stream), std::make_shared<const std::string>(std::move(path))});
}

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

Node make_device(const struct stat& status) {
  Device device;
  switch (status.st_mode & S_IFMT) {
    case S_IFSOCK:
      device.kind = Device::Kind::kSocket;
      break;
    case S_IFIFO:
      device.kind = Device::Kind::kFifo;
      break;
    default:
      device.kind = S_ISBLK(status.st_mode) ? Device::Kind::kBlock : Device::Kind::kCharacter;
      device.major = major(status.st_rdev);
      device.minor = minor(status.st_rdev);
  }
  return {device, 0};
}

/// The xattrs of an open folder, or, if `fd` is -1, of what `path` names itself.
std::unique_ptr<Xattrs> read_xattrs(const std::string& path, int fd) {
  auto list = [&](char* into, size_t size) {
    return fd < 0 ? llistxattr(path.c_str(), into, size) : flistxattr(fd, into, size);
  };
  ssize_t length = list(nullptr, 0);
  std::string names;
  if (length > 0) {
    names.resize(kMaxXattrList);
    length = list(names.data(), names.size());
  }
  if (length < 0) {
    if (errno == ENOTSUP) return nullptr;  // the file system has none
    throw_errno(fmt::format("list the xattrs of '{}'", path));
  }
  names.resize(static_cast<size_t>(length));
  Xattrs xattrs;
  for (size_t start = 0; start < names.size(); start = names.find('\0', start) + 1) {
    const char* name = names.c_str() + start;
    if (name == kLabelXattr) continue;
    std::string value(kMaxXattrSize, '\0');
    ssize_t size = fd < 0 ? lgetxattr(path.c_str(), name, value.data(), value.size())
                          : fgetxattr(fd, name, value.data(), value.size());
    if (size < 0) throw_errno(fmt::format("read xattr '{}' of '{}'", name, path));
    value.resize(static_cast<size_t>(size));
    value.shrink_to_fit();
    xattrs.emplace(name, std::move(value));
  }
  return xattrs.empty() ? nullptr : std::make_unique<Xattrs>(std::move(xattrs));
}

/// What git and make go by: whoever changes a file changes its ctime. A file whose ctime is as young
/// as the scan has no id: it may change again within the tick of the clock.
std::optional<ContentId> id_of(const struct stat& status, time_t scan_began) {
  if (status.st_ctim.tv_sec >= scan_began - 1) return std::nullopt;
  return content_id(fmt::format("stat {}:{} {} {}.{} {}.{}", status.st_dev, status.st_ino,
                                status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                                status.st_ctim.tv_sec, status.st_ctim.tv_nsec));
}

/// Threads share what is to be taken. A thread walks down by itself, and leaves folders to others
/// as long as these have nothing to do; so few folders are open at a time.
class Scanner {
 public:
  struct Wanted {
    std::vector<FolderEntry> entries;
    std::vector<Listing> listings;  // what is wanted of each; none: all
  };

  /// `root` is the path of the folder that the tree is of.
  Scanner(const ScanOptions& options, std::string_view root)
      : metadata_(options.metadata),
        selection_(options.selection && !options.selection->takes_all() ? options.selection
                                                                        : nullptr),
        root_length_(root.size()),
        jobs_(job_count(options.jobs)) {}

  /// Metadata of a folder that is open already, and nothing below it.
  Node folder_node(const OpenFolder& folder) const {
    Node node = make_directory(0555);
    if (metadata_ == Metadata::kCanonical) return node;
    struct stat status {};
    if (fstat(folder.fd(), &status) != 0) throw_errno(fmt::format("stat '{}'", *folder.path));
    dress(node, status, *folder.path, folder.fd());
    return node;
  }

  /// What of a folder is wanted: all that it has, without a listing.
  Wanted wanted_of(const OpenFolder& folder, const std::optional<Listing>& listing) const {
    Wanted wanted;
    if (!listing) {
      wanted.entries = read_entries(folder.stream.get(), *folder.path);
      if (selection_) {
        std::erase_if(wanted.entries, [&](FolderEntry& entry) { return !selects(folder, entry); });
      }
      return wanted;
    }
    for (const Listing::Entry& listed : listing->entries()) {
      FolderEntry entry{std::string(listed.name)};
      if (selection_ && !selects(folder, entry)) continue;
      wanted.entries.push_back(std::move(entry));
      wanted.listings.push_back(listed.below);
    }
    return wanted;
  }

  /// Throws all faults.
  Directory read_all(const SharedFolder& folder, Wanted wanted, size_t depth) {
    Directory directory;
    name_entries(directory, wanted);
    for (size_t i = 0; i < wanted.entries.size(); ++i) {
      tasks_.push_back(task_of(folder, directory, wanted, i, depth));
    }
    std::reverse(tasks_.begin(), tasks_.end());  // they are taken from the back
    waiting_ = open_ = tasks_.size();
    parallel_for(jobs_, jobs_, [this](size_t) { work(); });
    std::sort(faults_.begin(), faults_.end());
    Faults all;
    for (auto& [path, message] : faults_) all.add(std::move(message));
    all.throw_if_any();
    return directory;
  }

 private:
  /// One entry of a folder, whose node is to be made. Entries do not move once they are there.
  struct Task {
    SharedFolder folder;
    Entry* entry;
    unsigned char type;  // DT_*
    std::optional<Listing> listing;
    size_t depth;
  };

  static void name_entries(Directory& directory, Wanted& wanted) {
    directory.entries.resize(wanted.entries.size());
    for (size_t i = 0; i < wanted.entries.size(); ++i) {
      directory.entries[i].name = std::move(wanted.entries[i].name);
    }
  }

  static Task task_of(const SharedFolder& folder, Directory& directory, const Wanted& wanted,
                      size_t i, size_t depth) {
    Task task{folder, &directory.entries[i], wanted.entries[i].type, std::nullopt, depth};
    if (!wanted.listings.empty()) task.listing = wanted.listings[i];
    return task;
  }

  bool selects(const OpenFolder& folder, FolderEntry& entry) const {
    struct stat status {};
    if (entry.type == DT_UNKNOWN &&
        fstatat(folder.fd(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      entry.type = IFTODT(status.st_mode);
    }
    return selection_->takes(folder.path->substr(root_length_) + '/' + entry.name,
                             entry.type == DT_DIR);
  }

  void work() {
    while (std::optional<Task> task = next()) {
      try {
        take(*task);
      } catch (...) {
        finish_one(/*all=*/true);  // nobody shall wait for what will not come
        throw;
      }
      task.reset();
      finish_one(false);
    }
  }

  std::optional<Task> next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !tasks_.empty() || open_ == 0; });
    if (open_ == 0) return std::nullopt;
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    --waiting_;
    return task;
  }

  void finish_one(bool all) {
    std::lock_guard lock(mutex_);
    open_ = all ? 0 : open_ - (open_ != 0);
    if (open_ == 0) changed_.notify_all();
  }

  void share(Task task) {
    std::lock_guard lock(mutex_);
    if (open_ == 0) return;  // another thread has failed
    tasks_.push_back(std::move(task));
    ++waiting_;
    ++open_;
    changed_.notify_one();
  }

  /// Leaves an empty node where there is a fault, which will be thrown anyway.
  void take(const Task& task) {
    try {
      read_node(task);
    } catch (Error& error) {
      if (task.listing) {
        error.add_context(fmt::format("path {} of the list", task.listing->origin().number));
      }
      std::lock_guard lock(mutex_);
      faults_.emplace_back(path_of(task), error.what());
    }
  }

  static std::string path_of(const Task& task) {
    return *task.folder->path + '/' + task.entry->name;
  }

  void read_node(const Task& task) {
    if (task.depth > kMaxDepth) {
      throw Error(
          fmt::format("cannot take '{}': deeper than {} folders", path_of(task), kMaxDepth));
    }
    const bool kept = metadata_ == Metadata::kKept;
    Node& node = task.entry->node;
    // A folder tells all by being opened, and of a link only its target may matter: a call less.
    if (task.type == DT_DIR) return read_folder(task);
    if (task.type == DT_LNK && !kept) {
      node = read_symlink(task);
      return;
    }
    struct stat status {};
    if (fstatat(task.folder->fd(), task.entry->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno(fmt::format("stat '{}'", path_of(task)));
    }
    if (S_ISDIR(status.st_mode)) return read_folder(task);
    if (task.listing && !task.listing->empty()) {
      throw Error(fmt::format("cannot take what lies below '{}': it is no folder", path_of(task)));
    }
    if (S_ISREG(status.st_mode)) {
      node = read_regular(task, status);
    } else if (S_ISLNK(status.st_mode)) {
      node = read_symlink(task);
    } else if (kept) {
      node = make_device(status);
    } else {
      throw Error(fmt::format("cannot take '{}': {}, expected a file, a folder or a symlink",
                              path_of(task), kind_name(status.st_mode)));
    }
    if (kept) dress(node, status, path_of(task), -1);
  }

  Node read_regular(const Task& task, const struct stat& status) const {
    const std::string& name = task.entry->name;
    // Most files may be read by all; only for others the question costs a call.
    if ((status.st_mode & 0444) != 0444 &&
        faccessat(task.folder->fd(), name.c_str(), R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno(fmt::format("read '{}'", path_of(task)));
    }
    if (size_t length = task.folder->path->size() + 1 + name.size(); length > kMaxPath) {
      throw Error(fmt::format("cannot take '{}': a path of {} bytes, longer than {}", path_of(task),
                              length, kMaxPath));
    }
    Content content = Content::from_host_file(
        task.folder->path, name, static_cast<uint64_t>(status.st_size), status.st_mtim);
    if (metadata_ == Metadata::kKept) {
      if (const std::optional<ContentId> id = id_of(status, began_)) content.set_id(*id);
    }
    return make_regular(std::move(content), (status.st_mode & S_IXUSR) != 0 ? 0555 : 0444);
  }

  static Node read_symlink(const Task& task) {
    char target[kMaxSymlinkTarget + 1];
    ssize_t length = readlinkat(task.folder->fd(), task.entry->name.c_str(), target, sizeof target);
    if (length < 0) throw_errno(fmt::format("read link '{}'", path_of(task)));
    if (static_cast<size_t>(length) > kMaxSymlinkTarget) {
      throw Error(fmt::format("cannot take '{}': a symlink's target longer than {} bytes",
                              path_of(task), kMaxSymlinkTarget));
    }
    return make_symlink({target, static_cast<size_t>(length)});
  }

  void read_folder(const Task& task) {
    const SharedFolder folder =
        open_folder(task.folder->fd(), task.entry->name, path_of(task), O_NOFOLLOW);
    Wanted wanted = wanted_of(*folder, task.listing);
    Node& node = task.entry->node;
    node = folder_node(*folder);
    name_entries(*node.directory(), wanted);
    for (size_t i = 0; i < wanted.entries.size(); ++i) {
      Task inner = task_of(folder, *node.directory(), wanted, i, task.depth + 1);
      if (inner.type == DT_DIR && waiting_ < jobs_) {
        share(std::move(inner));
      } else {
        take(inner);
      }
    }
  }

  static void dress(Node& node, const struct stat& status, const std::string& path, int fd) {
    node.mode = static_cast<uint16_t>(status.st_mode & 07777);
    node.uid = status.st_uid;
    node.gid = status.st_gid;
    node.mtime = status.st_mtim.tv_sec;
    node.xattrs = read_xattrs(path, fd);
  }

  const Metadata metadata_;
  const Selection* const selection_;
  const size_t root_length_;
  const unsigned jobs_;
  const time_t began_ = time(nullptr);  // seconds
  std::mutex mutex_;                    // guards what follows
  std::condition_variable changed_;
  std::vector<Task> tasks_;
  size_t open_ = 0;                                          // tasks that wait or are being done
  std::vector<std::pair<std::string, std::string>> faults_;  // path, message
  std::atomic<size_t> waiting_ = 0;                          // tasks_.size(), read without the lock
};

/// `/` becomes empty, so that the names in it get one slash.
std::string without_slashes(std::string path) {
  while (!path.empty() && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Node scan_folder(const std::string& path, const ScanOptions& options) {
  const SharedFolder folder = open_folder(AT_FDCWD, path, without_slashes(path), 0);
  Scanner scanner(options, *folder->path);
  Node node = scanner.folder_node(*folder);
  std::optional<Listing> listing;
  if (options.list) listing = options.list->root();
  *node.directory() = scanner.read_all(folder, scanner.wanted_of(*folder, listing), options.depth);
  return node;
}

Directory scan_entries(const std::string& path, const std::vector<std::string>& names,
                       const ScanOptions& options) {
  const SharedFolder folder = open_folder(AT_FDCWD, path, without_slashes(path), 0);
  Scanner::Wanted wanted;
  wanted.entries.reserve(names.size());
  for (const std::string& name : names) wanted.entries.push_back({name, DT_UNKNOWN});
  return Scanner(options, *folder->path).read_all(folder, std::move(wanted), options.depth);
}

}  // namespace imagefmt
