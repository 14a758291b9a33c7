// SPDX-License-Identifier: Apache-2.0
//
// Paths that somebody lists, as cpio takes them: of a folder these alone are wanted.
#pragma once

#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imagefmt {

struct ListedPath {
  std::string path;   // relative: names with one '/' between them
  size_t number = 0;  // of the path in its list, from 1
};

/// What a list names in one folder. A value that points into its PathList.
class Listing {
 public:
  struct Entry;
  explicit Listing(std::span<const ListedPath> all) : paths_(all) {}

  /// Sorted by the bytes of the names, each once.
  std::vector<Entry> entries() const;
  bool empty() const { return paths_.empty(); }
  /// The path that brought the folder in: its own, or the first below it.
  const ListedPath& origin() const { return *origin_; }

 private:
  std::span<const ListedPath> paths_;  // below the folder
  size_t prefix_ = 0;                  // bytes of them that name the folder
  const ListedPath* origin_ = nullptr;
};
struct Listing::Entry {
  std::string_view name;
  Listing below;
};

class PathList {
 public:
  /// Reads paths that each end with `end`; the last one may lack it. `./`, slashes at the start or
  /// the end, and `.` for the folder itself, are taken as `find` writes them. Throws every mistake:
  /// `path 3 of the list: …`.
  static PathList read(std::istream& in, char end);

  Listing root() const { return Listing(paths_); }

 private:
  std::vector<ListedPath> paths_;  // sorted so that those of a folder follow it
};

}  // namespace imagefmt
