// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/dump.h"

#include <algorithm>

namespace imagefmt {

std::string escape(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (uint8_t byte : as_bytes(bytes)) {
    if (byte > ' ' && byte < 0x7f && byte != '\\') {
      text += static_cast<char>(byte);
    } else {
      text += fmt::format("\\{:03o}", byte);
    }
  }
  return text;
}

std::string dump_node(const std::string& path, const Node& node) {
  uint64_t size = 0;
  if (const Regular* file = node.regular()) size = file->content.size_bytes();
  if (const Symlink* link = node.symlink()) size = link->target.size();
  std::string line =
      fmt::format("{}\t{}\t{:04o}\t{}\t{}\t{}\t{}", escape(path), type_letter(node), node.mode,
                  node.uid, node.gid, size, node.label.empty() ? "-" : escape(node.label.text()));
  if (const Symlink* link = node.symlink()) line += '\t' + escape(link->target);
  return line;
}

std::vector<std::string> dump(const FileTree& tree) {
  std::vector<std::pair<std::string, const Node*>> nodes;
  walk(tree, [&](const std::string& path, const Node& node) { nodes.emplace_back(path, &node); });
  std::sort(nodes.begin(), nodes.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> lines;
  lines.reserve(nodes.size());
  for (const auto& [path, node] : nodes) lines.push_back(dump_node(path, *node));
  return lines;
}

}  // namespace imagefmt
