// SPDX-License-Identifier: Apache-2.0
#include "builder/links.h"

#include <vector>

#include "builder/resolve.h"

namespace builder {

using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::Error;
using imagefmt::FileTree;
using imagefmt::Node;
using imagefmt::Regular;
using imagefmt::Symlink;

namespace {

/// Puts the components of `path` on a stack, the first one on top.
void push_components(std::vector<std::string>& stack, std::string_view path) {
  std::vector<std::string> names;
  for (size_t start = 0; start < path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    if (end > start) names.emplace_back(path.substr(start, end - start));
    start = end + 1;
  }
  stack.insert(stack.end(), names.rbegin(), names.rend());
}

}  // namespace

std::optional<Found> find_following(const FileTree& tree, std::string_view path) {
  std::vector<std::string> pending;
  push_components(pending, path);
  std::vector<const Node*> chain = {&tree.root()};
  std::vector<std::string> names;
  size_t links = 0;
  while (!pending.empty()) {
    std::string name = std::move(pending.back());
    pending.pop_back();
    const Directory* directory = chain.back()->directory();
    if (!directory) return std::nullopt;
    if (name == ".") continue;
    if (name == "..") {
      if (chain.size() > 1) {
        chain.pop_back();
        names.pop_back();
      }
      continue;
    }
    const Entry* entry = find_entry(*directory, name);
    if (!entry) return std::nullopt;
    if (const Symlink* link = entry->node.symlink()) {
      if (++links > kMaxLinks) return std::nullopt;
      push_components(pending, link->target);
      if (link->target.starts_with('/')) {
        chain.resize(1);
        names.clear();
      }
      continue;
    }
    chain.push_back(&entry->node);
    names.push_back(std::move(name));
  }
  std::string found = names.empty() ? "/" : "";
  for (const std::string& name : names) found += '/' + name;
  return Found{std::move(found), chain.back()};
}

Found folder_at(const FileTree& tree, std::string_view path) {
  std::optional<Found> found = find_following(tree, path);
  if (!found) throw Error(fmt::format("cannot read '{}': nothing stands there", path));
  if (!found->node->directory()) throw Error(fmt::format("cannot read '{}': not a folder", path));
  return *std::move(found);
}

std::string read_text_at(const FileTree& tree, std::string_view path, uint64_t limit_bytes) {
  std::optional<Found> found = find_following(tree, path);
  if (!found) throw Error(fmt::format("cannot read '{}': nothing stands there", path));
  const Regular* file = found->node->regular();
  if (!file) throw Error(fmt::format("cannot read '{}': not a regular file", path));
  if (file->content.size_bytes() > limit_bytes) {
    throw Error(fmt::format("cannot read '{}': {} bytes, expected at most {}", path,
                            file->content.size_bytes(), limit_bytes));
  }
  return file->content.read_all();
}

std::string join_path(std::string_view folder, std::string_view tail) {
  std::string path(folder);
  if (path.empty() || path.back() != '/') path += '/';
  return path.append(tail);
}

}  // namespace builder
