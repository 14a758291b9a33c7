// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/tree.h"

#include <sys/stat.h>

#include <algorithm>

namespace imagefmt {

namespace {

auto lower_bound(auto& entries, std::string_view name) {
  return std::lower_bound(
      entries.begin(), entries.end(), name,
      [](const Entry& entry, std::string_view key) { return entry.name.compare(key) < 0; });
}

auto* find_entry_in(auto& directory, std::string_view name) {
  auto place = lower_bound(directory.entries, name);
  return place != directory.entries.end() && place->name == name ? &*place : nullptr;
}

/// Calls `step(name)` for each component of an absolute path until it returns false.
template <class Step>
void for_each_component(std::string_view path, Step step) {
  size_t start = 0;
  while (start < path.size()) {
    if (path[start] == '/') {
      ++start;
      continue;
    }
    size_t end = std::min(path.find('/', start), path.size());
    if (!step(path.substr(start, end - start))) return;
    start = end;
  }
}

template <class NodeRef>
auto* find_node(NodeRef& root, std::string_view path) {
  auto* node = &root;
  for_each_component(path, [&](std::string_view name) {
    auto* directory = node->directory();
    auto* entry = directory ? find_entry_in(*directory, name) : nullptr;
    node = entry ? &entry->node : nullptr;
    return node != nullptr;
  });
  return node;
}

template <class NodeRef, class Visit>
void walk_below(NodeRef& node, std::string& path, const Visit& visit) {
  auto* directory = node.directory();
  if (!directory) return;
  size_t length = path.size();
  for (auto& entry : directory->entries) {
    if (path.back() != '/') path += '/';
    path += entry.name;
    visit(path, entry.node);
    walk_below(entry.node, path, visit);
    path.resize(length);
  }
}

bool same_xattrs(const Node& a, const Node& b) {
  static const Xattrs kNone;
  return (a.xattrs ? *a.xattrs : kNone) == (b.xattrs ? *b.xattrs : kNone);
}

}  // namespace

Directory::Directory() = default;
Directory::Directory(std::vector<Entry> sorted_entries) : entries(std::move(sorted_entries)) {}
Directory::Directory(Directory&&) noexcept = default;
Directory& Directory::operator=(Directory&&) noexcept = default;
Directory::~Directory() = default;

Node Node::clone() const {
  Node copy;
  if (const Directory* source = directory()) {
    Directory& target = copy.kind.emplace<Directory>();
    target.entries.reserve(source->entries.size());
    for (const Entry& entry : source->entries) {
      target.entries.push_back({entry.name, entry.node.clone()});
    }
  } else if (const Regular* file = regular()) {
    copy.kind = *file;
  } else if (const Symlink* link = symlink()) {
    copy.kind = *link;
  } else {
    copy.kind = *device();
  }
  copy.mode = mode;
  copy.uid = uid;
  copy.gid = gid;
  copy.mtime = mtime;
  copy.label = label;
  if (xattrs) copy.xattrs = std::make_unique<Xattrs>(*xattrs);
  return copy;
}

bool operator==(const Node& a, const Node& b) {
  if (a.mode != b.mode || a.uid != b.uid || a.gid != b.gid || a.mtime != b.mtime ||
      !(a.label == b.label) || a.kind.index() != b.kind.index() || !same_xattrs(a, b)) {
    return false;
  }
  if (const Directory* one = a.directory()) {
    const Directory* other = b.directory();
    return std::equal(
        one->entries.begin(), one->entries.end(), other->entries.begin(), other->entries.end(),
        [](const Entry& x, const Entry& y) { return x.name == y.name && x.node == y.node; });
  }
  if (const Regular* file = a.regular()) return file->content == b.regular()->content;
  if (const Symlink* link = a.symlink()) return link->target == b.symlink()->target;
  return *a.device() == *b.device();
}

Node make_directory(uint16_t mode) {
  return {Directory{}, mode};
}
Node make_regular(Content content, uint16_t mode) {
  return {Regular{std::move(content)}, mode};
}
Node make_symlink(std::string target) {
  return {Symlink{std::move(target)}, 0777};
}

NodeType node_type(const Node& node) {
  if (node.directory()) return kDirectoryType;
  if (node.regular()) return kRegularType;
  if (node.symlink()) return kSymlinkType;
  switch (node.device()->kind) {
    case Device::Kind::kCharacter:
      return kCharacterType;
    case Device::Kind::kBlock:
      return kBlockType;
    case Device::Kind::kFifo:
      return kFifoType;
    case Device::Kind::kSocket:
      return kSocketType;
  }
  __builtin_unreachable();
}

uint16_t mode_bits(NodeType type) {
  static constexpr uint16_t kBits[] = {0,       S_IFREG, S_IFDIR,  S_IFCHR,
                                       S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};
  return kBits[type];
}

char type_letter(const Node& node) {
  return " fdcbpsl"[node_type(node)];
}

void check_entry_name(std::string_view name) {
  std::string_view reason;
  if (name.empty()) reason = "an empty name";
  if (name == "." || name == "..") reason = "'.' and '..' are no names";
  if (name.find('/') != name.npos) reason = "a name with '/'";
  if (name.find('\0') != name.npos) reason = "a name with a NUL byte";
  if (name.size() > 255) reason = "a name longer than 255 bytes";
  if (!reason.empty()) throw Error(fmt::format("bad file name '{}': {}", name, reason));
}

const Entry* find_entry(const Directory& directory, std::string_view name) {
  return find_entry_in(directory, name);
}
Entry* find_entry(Directory& directory, std::string_view name) {
  return find_entry_in(directory, name);
}

Node* FileTree::find(std::string_view path) {
  return find_node(root_, path);
}
const Node* FileTree::find(std::string_view path) const {
  return find_node(root_, path);
}

Node& FileTree::insert(std::string_view path, Node node) {
  return with_context(fmt::format("cannot add '{}'", path), [&]() -> Node& {
    std::vector<std::string_view> names;
    for_each_component(path, [&](std::string_view name) {
      check_entry_name(name);
      names.push_back(name);
      return true;
    });
    if (names.empty()) throw Error("the root stands there");
    if (names.size() > kMaxDepth) throw Error(fmt::format("deeper than {} folders", kMaxDepth));
    if (const Symlink* link = node.symlink();
        link && (link->target.empty() || link->target.size() > kMaxSymlinkTarget)) {
      throw Error(fmt::format("a symlink target has 1 to {} bytes, found {}", kMaxSymlinkTarget,
                              link->target.size()));
    }
    Node* parent = &root_;
    for (size_t i = 0;; ++i) {
      Directory* directory = parent->directory();
      if (!directory) throw Error(fmt::format("'{}' above it is no folder", names[i - 1]));
      auto place = lower_bound(directory->entries, names[i]);
      bool stands = place != directory->entries.end() && place->name == names[i];
      bool last = i + 1 == names.size();
      if (last && stands) throw Error("something stands there");
      if (last)
        return directory->entries.insert(place, {std::string(names[i]), std::move(node)})->node;
      if (!stands)
        place = directory->entries.insert(place, {std::string(names[i]), make_directory()});
      parent = &place->node;
    }
  });
}

void walk(const FileTree& tree, const std::function<void(const std::string&, const Node&)>& visit) {
  std::string path = "/";
  visit(path, tree.root());
  walk_below(tree.root(), path, visit);
}
void walk(FileTree& tree, const std::function<void(const std::string&, Node&)>& visit) {
  std::string path = "/";
  visit(path, tree.root());
  walk_below(tree.root(), path, visit);
}

void walk_files(const FileTree& tree,
                const std::function<void(const std::string&, const Node&)>& visit) {
  std::string path;
  auto descend = [&](auto& self, const Directory& directory) -> void {
    const size_t length = path.size();
    auto enter = [&](const Entry& entry) { (path += '/') += entry.name; };
    for (const Entry& entry : directory.entries) {
      if (!entry.node.regular()) continue;
      enter(entry);
      visit(path, entry.node);
      path.resize(length);
    }
    for (const Entry& entry : directory.entries) {
      const Directory* folder = entry.node.directory();
      if (!folder) continue;
      enter(entry);
      self(self, *folder);
      path.resize(length);
    }
  };
  descend(descend, *tree.root().directory());
}

TreeTotals totals(const FileTree& tree) {
  TreeTotals sum;
  walk(tree, [&](const std::string&, const Node& node) {
    ++sum.inodes;
    if (const Regular* file = node.regular()) sum.data_bytes += file->content.size_bytes();
  });
  return sum;
}

}  // namespace imagefmt
