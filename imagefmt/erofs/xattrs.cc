// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/xattrs.h"

#include <algorithm>

#include "imagefmt/erofs/format.h"

namespace imagefmt::erofs {

namespace {

/// The prefix that `name` has; null if the format has none for it.
const XattrPrefix* find_prefix(std::string_view name) {
  for (const XattrPrefix& prefix : kXattrPrefixes) {
    const std::string_view text = prefix.text;
    const bool is_whole_name = text.back() != '.';
    if (is_whole_name ? name == text : name.starts_with(text) && name.size() > text.size()) {
      return &prefix;
    }
  }
  return nullptr;
}

std::string serialize_xattr(std::string_view name, std::string_view value) {
  const XattrPrefix& prefix = *find_prefix(name);
  name.remove_prefix(std::string_view(prefix.text).size());
  std::string stored(as_text(bytes_of(XattrEntry{static_cast<uint8_t>(name.size()), prefix.index,
                                                 static_cast<uint16_t>(value.size())})));
  stored += name;
  stored += value;
  stored.resize(align_up(stored.size(), kXattrUnit));
  return stored;
}

/// Calls `visit(stored)` for the label and then for the others in the order of their names.
template <class Visit>
void for_each_xattr(const Node& node, const Visit& visit) {
  if (!node.label.empty()) {
    // The kernel stores contexts with their NUL.
    visit(serialize_xattr(kLabelXattr, std::string(node.label.text()) + '\0'));
  }
  if (!node.xattrs) return;
  for (const auto& [name, value] : *node.xattrs) visit(serialize_xattr(name, value));
}

}  // namespace

std::string xattr_fault(std::string_view name, std::string_view value) {
  if (name == kLabelXattr) return "the label stands among the other xattrs";
  const XattrPrefix* prefix = find_prefix(name);
  if (!prefix) {
    return fmt::format("erofs has no xattr '{}', only user., trusted., security. and POSIX ACLs",
                       name);
  }
  if (name.size() > kMaxXattrName) {
    return fmt::format("xattr '{}' has a name longer than {} bytes", name, kMaxXattrName);
  }
  if (value.size() > kMaxXattrValue) {
    return fmt::format("xattr '{}' has {} bytes, expected at most {}", name, value.size(),
                       kMaxXattrValue);
  }
  return {};
}

uint64_t xattr_bytes(const Node& node) {
  uint64_t bytes = sizeof(XattrHeader);
  for_each_xattr(node, [&](const std::string& stored) { bytes += stored.size(); });
  return bytes;
}

XattrTable::XattrTable(const FileTree& tree) {
  auto for_each_stored = [&](const auto& visit) {
    walk(tree, [&](const std::string&, const Node& node) { for_each_xattr(node, visit); });
  };
  for_each_stored([&](std::string stored) { ++uses_[std::move(stored)].count; });
  // In the order of the tree: that of the map is not ours to choose.
  for_each_stored([&](const std::string& stored) {
    Use& use = uses_[stored];
    if (use.count < 2 || use.number) return;
    use.number = static_cast<uint32_t>(shared_.size() / kXattrUnit);
    append(shared_, as_bytes(stored));
  });
}

Bytes XattrTable::serialize(const Node& node) const {
  std::vector<le32> shared;
  std::string own;
  for_each_xattr(node, [&](const std::string& stored) {
    const Use& use = uses_.at(stored);
    if (use.number && shared.size() < kMaxSharedXattrs) {
      shared.emplace_back(*use.number);
    } else {
      own += stored;
    }
  });
  Bytes bytes;
  if (shared.empty() && own.empty()) return bytes;
  XattrHeader header{};
  header.shared_count = static_cast<uint8_t>(shared.size());
  append(bytes, bytes_of(header));
  for (const le32& number : shared) append(bytes, bytes_of(number));
  append(bytes, as_bytes(own));
  return bytes;
}

}  // namespace imagefmt::erofs
