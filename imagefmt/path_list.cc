// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/path_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <istream>

#include "imagefmt/base/error.h"

namespace imagefmt {

namespace {

constexpr size_t kMaxPath = 4095;  // PATH_MAX without its NUL

/// As byte order, but a '/' comes before all: so a folder's paths follow it.
bool comes_before(const ListedPath& a, const ListedPath& b) {
  return std::lexicographical_compare(
      a.path.begin(), a.path.end(), b.path.begin(), b.path.end(), [](char x, char y) {
        auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
        return rank(x) < rank(y);
      });
}

/// False at the end. Of a path that is too long, one byte more than allowed is kept.
bool read_path(std::istream& in, char end, std::string& path) {
  path.clear();
  std::streambuf& bytes = *in.rdbuf();
  for (int byte = bytes.sbumpc(); byte != EOF; byte = bytes.sbumpc()) {
    if (static_cast<char>(byte) == end) return true;
    if (path.size() <= kMaxPath) path += static_cast<char>(byte);
  }
  return !path.empty();
}

/// Empty for the folder itself.
std::string canonical(std::string_view path) {
  if (path.empty()) throw Error("it is empty");
  if (path.size() > kMaxPath) throw Error(fmt::format("longer than {} bytes", kMaxPath));
  if (path.find('\0') != path.npos) throw Error("a NUL byte in a list of lines");
  std::string names;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") throw Error(fmt::format("'{}' has '..' in it", path));
    if (!names.empty()) names += '/';
    names += name;
  }
  return names;
}

}  // namespace

std::vector<Listing::Entry> Listing::entries() const {
  std::vector<Entry> entries;
  for (auto first = paths_.begin(); first != paths_.end();) {
    const std::string_view path = first->path;
    const std::string_view name =
        path.substr(prefix_, std::min(path.find('/', prefix_), path.size()) - prefix_);
    const size_t length = prefix_ + name.size();
    const auto end = std::find_if(first, paths_.end(), [&](const ListedPath& other) {
      return other.path.compare(0, length, path, 0, length) != 0 ||
             (other.path.size() > length && other.path[length] != '/');
    });
    Listing below({first + (path.size() == length), end});
    below.prefix_ = length + 1;
    below.origin_ = &*first;
    entries.push_back({name, below});
    first = end;
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

PathList PathList::read(std::istream& in, char end) {
  PathList list;
  Faults faults;
  std::string path;
  for (size_t number = 1; read_path(in, end, path); ++number) {
    try {
      std::string names = canonical(path);
      if (!names.empty()) list.paths_.push_back({std::move(names), number});
    } catch (const Error& error) {
      faults.add(fmt::format("path {} of the list: {}", number, error.what()));
    }
  }
  if (in.bad()) throw Error("cannot read the list of paths");
  faults.throw_if_any();
  std::stable_sort(list.paths_.begin(), list.paths_.end(), comes_before);
  const auto unique =
      std::unique(list.paths_.begin(), list.paths_.end(),
                  [](const ListedPath& a, const ListedPath& b) { return a.path == b.path; });
  list.paths_.erase(unique, list.paths_.end());
  return list;
}

}  // namespace imagefmt
