// SPDX-License-Identifier: Apache-2.0
#include "tests/support/oracle.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <algorithm>
#include <filesystem>

namespace tests {

using namespace imagefmt;

std::string output_of(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw_errno(fmt::format("run '{}'", command));
  std::string output;
  char part[4096];
  while (size_t count = fread(part, 1, sizeof part, pipe)) output.append(part, count);
  int status = pclose(pipe);
  EXPECT_EQ(status, 0) << command;
  return output;
}

bool can_run(const char* tool) {
  return std::system(fmt::format("command -v {} >/dev/null", tool).c_str()) == 0;
}

std::string xattr_of(const std::string& path, const std::string& name) {
  std::string value(65536, '\0');
  ssize_t size = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (size < 0) return {};
  value.resize(static_cast<size_t>(size));
  return value;
}

Node scan(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) throw_errno(fmt::format("stat '{}'", path));
  Node node;
  uint32_t major = gnu_dev_major(status.st_rdev), minor = gnu_dev_minor(status.st_rdev);
  switch (status.st_mode & S_IFMT) {
    case S_IFDIR: {
      Directory directory;
      for (const auto& entry : std::filesystem::directory_iterator(path)) {
        directory.entries.push_back({entry.path().filename(), scan(entry.path())});
      }
      std::sort(directory.entries.begin(), directory.entries.end(),
                [](const Entry& a, const Entry& b) { return a.name < b.name; });
      node.kind = std::move(directory);
      break;
    }
    case S_IFREG:
      node.kind = Regular{Content::from_host_file(path)};
      break;
    case S_IFLNK:
      node.kind = Symlink{std::filesystem::read_symlink(path)};
      break;
    case S_IFCHR:
      node.kind = Device{Device::Kind::kCharacter, major, minor};
      break;
    case S_IFBLK:
      node.kind = Device{Device::Kind::kBlock, major, minor};
      break;
    case S_IFIFO:
      node.kind = Device{Device::Kind::kFifo};
      break;
    default:
      node.kind = Device{Device::Kind::kSocket};
  }
  node.mode = status.st_mode & 07777;
  node.uid = status.st_uid;
  node.gid = status.st_gid;
  node.mtime = status.st_mtim.tv_sec;
  std::string label = xattr_of(path, "security.selinux");
  if (!label.empty() && label.back() == '\0') label.pop_back();
  node.label = Label(label);
  for (const char* name : {"security.capability", "system.posix_acl_access",
                           "system.posix_acl_default", "user.note", "trusted.note"}) {
    std::string value = xattr_of(path, name);
    if (value.empty()) continue;
    if (!node.xattrs) node.xattrs = std::make_unique<Xattrs>();
    (*node.xattrs)[name] = value;
  }
  return node;
}

Mount::Mount(const std::string& image, const std::string& filesystem, std::string where,
             const std::string& options)
    : point(std::move(where)) {
  const std::string command =
      fmt::format("mount -o loop,{} -t {} {} {} >&2", options, filesystem, image, point);
  succeeded = std::system(command.c_str()) == 0;
}

Mount::~Mount() {
  // Waits until what was written is in the image.
  if (succeeded && umount2(point.c_str(), 0) != 0) umount2(point.c_str(), MNT_DETACH);
}

}  // namespace tests
