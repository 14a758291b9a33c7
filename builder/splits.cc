// SPDX-License-Identifier: Apache-2.0
#include "builder/splits.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "imagefmt/base/error.h"

namespace builder {

Splits find_splits(const imagefmt::FileTree& tree) {
  std::vector<SplitFile> linked;  // in the order of their first names
  std::map<std::pair<dev_t, ino_t>, size_t> known;
  imagefmt::walk(tree, [&](const std::string& path, const imagefmt::Node& node) {
    const std::string host = node.regular() ? node.regular()->content.host_path() : std::string();
    if (host.empty()) return;
    struct stat status {};
    if (lstat(host.c_str(), &status) != 0) imagefmt::throw_errno(fmt::format("stat '{}'", host));
    if (status.st_nlink < 2) return;
    auto [place, is_new] = known.try_emplace({status.st_dev, status.st_ino}, linked.size());
    if (is_new) linked.push_back({static_cast<uint64_t>(status.st_size), {}});
    linked[place->second].names_by_label[std::string(node.label.text())].push_back(path);
  });
  Splits splits;
  for (SplitFile& file : linked) {
    if (file.names_by_label.size() < 2) continue;
    const uint64_t extra = file.names_by_label.size() - 1;
    splits.extra_inodes += extra;
    splits.extra_bytes += extra * file.size_bytes;
    splits.files.push_back(std::move(file));
  }
  return splits;
}

}  // namespace builder
