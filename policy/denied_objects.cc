// SPDX-License-Identifier: Apache-2.0
#include "policy/denied_objects.h"

#include <algorithm>
#include <map>

namespace policy {

namespace {

using imagefmt::Node;
using Kind = DeniedObject::Kind;

constexpr size_t kCommBytes = 15;    // TASK_COMM_LEN, without its NUL
constexpr size_t kMostFiles = 1000;  // kept of one name

/// File systems by the `dev` that the kernel prints for them, which for a disk is the disk's.
constexpr std::string_view kMadeLater[] = {"devtmpfs", "hugetlbfs", "mqueue", "overlay",
                                           "ramfs",    "rootfs",    "tmpfs"};
constexpr std::string_view kOfKernel[] = {
    "anon_inodefs", "autofs",     "binfmt_misc", "bpf",     "cgroup", "cgroup2", "configfs",
    "debugfs",      "devpts",     "efivarfs",    "fusectl", "nsfs",   "pipefs",  "proc",
    "pstore",       "securityfs", "selinuxfs",   "sockfs",  "sysfs",  "tracefs"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// What comm says of the program: systemd names a child `(name)` before it executes it, and that
/// child is still systemd.
std::string_view program_name(std::string_view comm) {
  return comm.starts_with('(') ? std::string_view() : comm;
}

bool is_executable(const Node& node) {
  return node.regular() && (node.mode & 0111) != 0;
}

bool fits(const Node& node, FileType type) {
  return type == FileType::kAny || type_of(node) == type;
}

}  // namespace

FileType file_type_of_class(std::string_view object_class) {
  constexpr std::pair<std::string_view, FileType> kTypes[] = {
      {"file", FileType::kRegular},     {"dir", FileType::kDirectory},
      {"lnk_file", FileType::kSymlink}, {"chr_file", FileType::kCharacter},
      {"blk_file", FileType::kBlock},   {"fifo_file", FileType::kFifo},
      {"sock_file", FileType::kSocket}};
  for (const auto& [name, type] : kTypes) {
    if (name == object_class) return type;
  }
  return FileType::kAny;
}

DeniedObjects::DeniedObjects(const imagefmt::FileTree& tree, const imagefmt::NumberedTree* image,
                             const std::vector<AvcMessage>& messages)
    : tree_(tree), image_(image) {
  std::map<std::string, std::vector<Candidate>, std::less<>> wanted;
  for (const AvcMessage& message : messages) {
    if (!message.name.empty()) wanted.try_emplace(message.name);
    const std::string_view program = program_name(message.comm);
    if (!program.empty() && message.exe.empty()) wanted.try_emplace(std::string(program));
  }
  if (wanted.empty()) return;
  imagefmt::walk(tree, [&](const std::string& path, const Node& node) {
    const std::string_view name = base_name(path);
    auto add = [&](std::string_view wanted_name) {
      auto found = wanted.find(wanted_name);
      if (found != wanted.end() && found->second.size() < kMostFiles) {
        found->second.push_back({path, &node});
      }
    };
    add(name);
    // The kernel cuts the name of a process.
    if (name.size() > kCommBytes && is_executable(node)) add(name.substr(0, kCommBytes));
  });
  by_name_.assign(std::make_move_iterator(wanted.begin()), std::make_move_iterator(wanted.end()));
}

const std::vector<DeniedObjects::Candidate>* DeniedObjects::named(std::string_view name) const {
  auto found = std::ranges::lower_bound(
      by_name_, name, {}, [](const auto& entry) { return std::string_view(entry.first); });
  return found != by_name_.end() && found->first == name ? &found->second : nullptr;
}

DeniedObject DeniedObjects::object_of(const AvcMessage& message) const {
  DeniedObject object;
  object.type = file_type_of_class(message.object_class);
  // systemd judges a unit by the label of its file.
  const bool is_unit = message.user_space && message.path.starts_with('/');
  if (object.type == FileType::kAny && !is_unit) return object;
  if (contains(kMadeLater, message.dev)) {
    object.kind = Kind::kMadeLater;
    return object;
  }
  if (contains(kOfKernel, message.dev) ||
      (!message.path.empty() && !message.path.starts_with('/'))) {  // `pipe:[123]`
    object.kind = Kind::kKernel;
    return object;
  }
  object.kind = Kind::kImage;
  auto add = [&](const std::string& path) {
    const Node* node = tree_.find(path);
    if (node && fits(*node, object.type)) object.files.push_back({path, node->label});
  };
  if (!message.path.empty()) add(message.path);
  if (object.files.empty() && image_ && message.inode) {
    const auto& numbers = image_->paths_by_inode;
    auto number = std::ranges::lower_bound(numbers, *message.inode, {},
                                           [](const auto& entry) { return entry.first; });
    for (; number != numbers.end() && number->first == *message.inode; ++number) {
      // A disk that is not the image's numbers other files so.
      if (!message.path.empty() && message.path != number->second) continue;
      if (!message.name.empty() && message.name != base_name(number->second) &&
          message.name != number->second) {  // "/"
        continue;
      }
      add(number->second);
    }
    object.by_inode = !object.files.empty();
  }
  if (object.files.empty() && message.path.empty()) {
    if (const std::vector<Candidate>* files = named(message.name)) {
      for (const Candidate& file : *files) {
        if (fits(*file.node, object.type) && base_name(file.path) == message.name) {
          object.files.push_back({file.path, file.node->label});
        }
      }
    }
  }
  if (object.files.empty()) object.kind = Kind::kElsewhere;
  return object;
}

std::vector<FoundFile> DeniedObjects::programs_of(std::string_view exe,
                                                  std::string_view comm) const {
  std::vector<FoundFile> programs;
  if (!exe.empty()) {
    const Node* node = exe.starts_with('/') ? tree_.find(exe) : nullptr;
    if (node && is_executable(*node)) programs.push_back({std::string(exe), node->label});
    return programs;
  }
  const std::vector<Candidate>* files = named(program_name(comm));
  if (!files) return programs;
  for (const Candidate& file : *files) {
    if (is_executable(*file.node)) programs.push_back({file.path, file.node->label});
  }
  return programs;
}

}  // namespace policy
