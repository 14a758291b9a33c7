// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/node_faults.h"

#include <fmt/format.h>

namespace imagefmt {

std::vector<std::string> common_faults(const Node& node, std::string_view format) {
  std::vector<std::string> faults;
  if (const Device* device = node.device();
      device && (device->major > 0xfff || device->minor > 0xfffff)) {
    faults.push_back(fmt::format("device {}:{} does not fit, {} holds 4095:1048575", device->major,
                                 device->minor, format));
  }
  if (const Symlink* link = node.symlink();
      link && (link->target.empty() || link->target.size() > kMaxSymlinkTarget)) {
    faults.push_back(fmt::format("a symlink target has 1 to {} bytes, found {}", kMaxSymlinkTarget,
                                 link->target.size()));
  }
  return faults;
}

uint64_t find_faults(const FileTree& tree,
                     const std::function<std::vector<std::string>(const Node&)>& faults_of,
                     Faults& faults) {
  uint64_t nodes = 0;
  walk(tree, [&](const std::string& path, const Node& node) {
    ++nodes;
    for (const std::string& fault : faults_of(node)) {
      faults.add(fmt::format("cannot write '{}': {}", path, fault));
    }
  });
  return nodes;
}

}  // namespace imagefmt
