// SPDX-License-Identifier: Apache-2.0
#include "builder/root.h"

#include "builder/links.h"

namespace builder {

using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::Error;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::Node;
using imagefmt::with_context;

namespace {

bool is_in_store(std::string_view path) {
  constexpr std::string_view kStore = "/nix/store";
  return path.starts_with(kStore) && (path.size() == kStore.size() || path[kStore.size()] == '/');
}

std::string_view kind_of(const Node& node) {
  if (node.directory()) return "a folder";
  if (node.symlink()) return "a symlink";
  return node.regular() ? "a file" : "a device";
}

}  // namespace

void set_mtime(Node& node, int64_t mtime) {
  node.mtime = mtime;
  if (Directory* directory = node.directory()) {
    for (Entry& entry : directory->entries) set_mtime(entry.node, mtime);
  }
}

Root::Root(FileTree store, int64_t mtime) : tree_(std::move(store)), mtime_(mtime) {
  Node& root = tree_.root();
  root.mode = 0755;
  root.uid = root.gid = 0;
  root.mtime = mtime;
}

std::string_view Root::origin_of(std::string_view path) const {
  auto found = origins_.find(path);
  return found == origins_.end() ? std::string_view() : std::string_view(found->second);
}

/// `'/etc/hosts', a file from entry 1 of contents.json`. A path added as part of a tree is
/// supplied by whoever added the tree.
std::string Root::describe(const std::string& path) const {
  const Node* node = tree_.find(path);
  std::string_view origin = is_in_store(path) ? "the closure" : origin_of(path);
  for (std::string above = path; origin.empty() && above.size() > 1;) {
    above.resize(above.rfind('/'));
    origin = origin_of(above);
  }
  return fmt::format("'{}', {} from {}", path, kind_of(*node),
                     origin.empty() ? "the skeleton of the root" : origin);
}

void Root::add(std::string_view path, Node node, std::string_view origin) {
  with_context(fmt::format("cannot add '{}' from {}", path, origin), [&] {
    if (is_in_store(path)) throw Error("the closure alone supplies what lies in /nix/store");
    for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
      std::string above(path.substr(0, slash));
      const Node* parent = tree_.find(above);
      if (!parent) break;
      if (!parent->directory()) throw Error("it lies below " + describe(above));
    }
    set_mtime(node, mtime_);
    std::string name(path);
    if (Node* standing = tree_.find(path)) {
      bool implied = standing->directory() && origin_of(path).empty();
      if (!implied || !node.directory()) throw Error("there is " + describe(name) + ", already");
      // Both are folders, and what stands is there only for what lies below it.
      Directory entries = std::move(*node.directory());
      standing->mode = node.mode;
      standing->uid = node.uid;
      standing->gid = node.gid;
      origins_.emplace(name, origin);
      for (Entry& entry : entries.entries) {
        add(join_path(path, entry.name), std::move(entry.node), origin);
      }
      return;
    }
    for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
      std::string_view above = path.substr(0, slash);
      if (!tree_.find(above)) tree_.insert(above, make_directory()).mtime = mtime_;
    }
    tree_.insert(path, std::move(node));
    origins_.emplace(std::move(name), origin);
  });
}

void Root::replace(std::string_view path, Node node, std::string_view origin,
                   std::string_view from) {
  std::string below = std::string(path) + '/';
  auto is_inside = [&](const std::string& name) { return name == path || name.starts_with(below); };
  for (const auto& [name, supplier] : origins_) {
    if (is_inside(name) && supplier != from) {
      throw Error(fmt::format("cannot add '{}' from {}: there is {}, already", path, origin,
                              describe(name)));
    }
  }
  std::erase_if(origins_, [&](const auto& entry) { return is_inside(entry.first); });
  size_t slash = path.rfind('/');
  Node* parent = tree_.find(path.substr(0, slash));
  if (Directory* directory = parent ? parent->directory() : nullptr) {
    std::erase_if(directory->entries,
                  [&](const Entry& entry) { return entry.name == path.substr(slash + 1); });
  }
  add(path, std::move(node), origin);
}

bool Root::add_default(std::string_view path, Node node) {
  if (is_in_store(path) || tree_.find(path)) return false;
  for (size_t slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
    std::string_view above = path.substr(0, slash);
    Node* parent = tree_.find(above);
    if (!parent) parent = &tree_.insert(above, make_directory());
    if (!parent->directory()) return false;
    parent->mtime = mtime_;
  }
  set_mtime(node, mtime_);
  tree_.insert(path, std::move(node));
  return true;
}

}  // namespace builder
