// SPDX-License-Identifier: Apache-2.0
//
// Files and folders that something is made of: the host's, by their paths, or a closure's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"

namespace builder {

struct Closure;

class InputFile {
 public:
  InputFile() = default;  // not given
  /// The host's, which is looked at when it is read.
  InputFile(std::string path) : name_(std::move(path)) {}  // NOLINT: implicit by purpose
  InputFile(std::string name, imagefmt::Content content)
      : name_(std::move(name)), content_(std::move(content)) {}

  bool empty() const { return name_.empty(); }
  const std::string& name() const { return name_; }  // in messages
  std::string read(uint64_t limit_bytes = uint64_t{1} << 31) const;
  imagefmt::Content content() const;

 private:
  std::string name_;
  std::optional<imagefmt::Content> content_;  // none: of the host
};

class InputFolder {
 public:
  InputFolder() = default;                                   // not given
  InputFolder(std::string path) : name_(std::move(path)) {}  // NOLINT: implicit by purpose
  InputFolder(const char* path) : name_(path) {}             // NOLINT
  InputFolder(std::string name, imagefmt::FileTree tree)
      : name_(std::move(name)),
        tree_(std::make_shared<const imagefmt::FileTree>(std::move(tree))) {}

  bool empty() const { return name_.empty(); }
  const std::string& name() const { return name_; }
  bool holds(std::string_view file) const;
  /// A file by its path in the folder. That there is none shows when it is read.
  InputFile file(std::string_view file) const;
  /// Of all that lies in it, at any depth, in no order. Throws `cannot list '<name>': …`.
  std::vector<std::string> list() const;

 private:
  std::string name_;
  std::shared_ptr<const imagefmt::FileTree> tree_;  // null: of the host
};

/// A regular file of the closure's, links followed; the folder at `path` with the files that lie in
/// it or that it links to, empty if nothing stands there. Both throw as find_in_store().
InputFile file_in_store(const Closure& closure, const std::string& path);
InputFolder folder_in_store(const Closure& closure, const std::string& path);

}  // namespace builder
