// SPDX-License-Identifier: Apache-2.0
//
// The root file tree in the making. Every path has one source: a second one is an error that names
// both. What an empty system needs (a /tmp, a /bin/sh) gives way to whatever somebody supplies.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "imagefmt/tree.h"

namespace builder {

class Root {
 public:
  /// `store` holds /nix/store and nothing else that matters; `mtime` is for every node added here.
  Root(imagefmt::FileTree store, int64_t mtime);

  const imagefmt::FileTree& tree() const { return tree_; }
  imagefmt::FileTree take() && { return std::move(tree_); }

  /// Adds a node (and, if it is a folder, all below it) that `origin` supplies: a few words for
  /// messages, such as `entry 3 of contents.json`. A folder may be added where one was made only
  /// because something lies below it; it then takes the new mode and owner. Throws
  /// `cannot add '<path>' from <origin>: …` if another source supplies the path, if the path lies
  /// below a link or file, or if it is below /nix/store.
  void add(std::string_view path, imagefmt::Node node, std::string_view origin);

  /// Adds a node unless something stands at `path`, or it lies below what is no folder, or in
  /// /nix/store. Returns whether it was added.
  bool add_default(std::string_view path, imagefmt::Node node);

  /// Puts a node in the place of what `from` supplies at `path` and below, if it supplies anything.
  /// Throws `cannot add '<path>' from <origin>: …` if somebody else supplies part of that.
  void replace(std::string_view path, imagefmt::Node node, std::string_view origin,
               std::string_view from);

  /// Who supplies `path` itself; empty if nobody does.
  std::string_view origin_of(std::string_view path) const;

 private:
  std::string describe(const std::string& path) const;

  imagefmt::FileTree tree_;
  int64_t mtime_;
  std::map<std::string, std::string, std::less<>> origins_;
};

/// Sets the time of a node and of all below it.
void set_mtime(imagefmt::Node& node, int64_t mtime);

}  // namespace builder
