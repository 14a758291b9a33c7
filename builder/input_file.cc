// SPDX-License-Identifier: Apache-2.0
#include "builder/input_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "builder/closure.h"
#include "builder/resolve.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"

namespace builder {

using imagefmt::Content;
using imagefmt::Directory;
using imagefmt::Error;
using imagefmt::FileTree;
using imagefmt::Node;

std::string InputFile::read(uint64_t limit_bytes) const {
  if (!content_) return imagefmt::read_file(name_, limit_bytes);
  if (content_->size_bytes() > limit_bytes) {
    throw Error(fmt::format("cannot read '{}': {} bytes, larger than {}", name_,
                            content_->size_bytes(), limit_bytes));
  }
  return content_->read_all(limit_bytes);
}

Content InputFile::content() const {
  return content_ ? *content_ : Content::from_host_file(name_);
}

bool InputFolder::holds(std::string_view file) const {
  if (tree_) return tree_->find(fmt::format("/{}", file)) != nullptr;
  std::error_code ignored;  // what cannot be looked at is not there
  return !empty() && std::filesystem::exists(fmt::format("{}/{}", name_, file), ignored);
}

InputFile InputFolder::file(std::string_view file) const {
  std::string path = fmt::format("{}/{}", name_, file);
  if (!tree_) return path;
  const Node* node = tree_->find(fmt::format("/{}", file));
  if (!node || !node->regular()) {
    throw Error(fmt::format("cannot open '{}': the closure has no such file", path));
  }
  return {std::move(path), node->regular()->content};
}

std::vector<std::string> InputFolder::list() const {
  std::vector<std::string> names;
  if (tree_) {
    imagefmt::walk_files(
        *tree_, [&](const std::string& path, const Node&) { names.push_back(path.substr(1)); });
    return names;
  }
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::recursive_directory_iterator at(name_, error), end; !error && at != end;
       at.increment(error)) {
    names.push_back(at->path().string().substr(name_.size() + 1));
  }
  if (error) throw Error(fmt::format("cannot list '{}': {}", name_, error.message()));
  return names;
}

namespace {

/// What of `folder`, at `path`, are files when its links are followed.
Directory files_of(const Closure& closure, const Directory& folder, const std::string& path) {
  Directory files;
  for (const imagefmt::Entry& entry : folder.entries) {
    const std::string place = path + '/' + entry.name;
    if (const Directory* below = entry.node.directory()) {
      files.entries.push_back({entry.name, Node(files_of(closure, *below, place), 0755)});
      continue;
    }
    const Resolution found = resolve(closure, place);
    if (found.end != Resolution::End::kFound) continue;
    const Node* node = closure.store.find(found.path);
    if (node->regular()) files.entries.push_back({entry.name, node->clone()});
  }
  return files;
}

}  // namespace

InputFile file_in_store(const Closure& closure, const std::string& path) {
  const std::string found = resolve_in_store(closure, path);
  const imagefmt::Regular* file = closure.store.find(found)->regular();
  if (!file) throw Error(fmt::format("cannot use {}: not a regular file", in_quotes(path)));
  return {found, file->content};
}

InputFolder folder_in_store(const Closure& closure, const std::string& path) {
  const std::optional<std::string> found = find_in_store(closure, path);
  const Node* node = found ? closure.store.find(*found) : nullptr;
  if (!node || !node->directory()) return {};
  return {*found, FileTree(Node(files_of(closure, *node->directory(), *found), 0755))};
}

}  // namespace builder
