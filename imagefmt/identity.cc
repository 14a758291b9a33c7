// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/identity.h"

namespace imagefmt {

namespace {

/// Every text is preceded by its size, so that no two trees give the same bytes.
void add_text(std::string& bytes, std::string_view text) {
  bytes += fmt::format("{}:{},", text.size(), text);
}

}  // namespace

Digest identity_of(const FileTree& tree, std::string_view identity) {
  Sha256 hash;
  std::string bytes;
  add_text(bytes, identity);
  walk(tree, [&](const std::string& path, const Node& node) {
    add_text(bytes, path);
    bytes += fmt::format("{}{:o} {} {} {} ", type_letter(node), node.mode, node.uid, node.gid,
                         node.mtime);
    add_text(bytes, node.label.text());
    if (node.xattrs) {
      for (const auto& [name, value] : *node.xattrs) {
        add_text(bytes, name);
        add_text(bytes, value);
      }
    }
    if (const Regular* file = node.regular()) bytes += std::to_string(file->content.size_bytes());
    if (const Symlink* link = node.symlink()) add_text(bytes, link->target);
    if (const Device* device = node.device()) {
      bytes += fmt::format("{}:{}", device->major, device->minor);
    }
    bytes += '\n';
    if (bytes.size() < 65536) return;
    hash.update(bytes);
    bytes.clear();
  });
  return hash.update(bytes).finish();
}

Digest derive(const Digest& identity, std::string_view purpose) {
  return Sha256().update(identity).update(purpose).finish();
}

}  // namespace imagefmt
