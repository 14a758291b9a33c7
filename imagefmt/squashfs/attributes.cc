// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/attributes.h"

#include <cassert>

namespace imagefmt::squashfs {

namespace {

/// The index in kXattrPrefixes of the prefix that `name` has.
std::optional<uint16_t> find_prefix(std::string_view name) {
  for (uint16_t i = 0; i < std::size(kXattrPrefixes); ++i) {
    std::string_view prefix = kXattrPrefixes[i];
    if (name.starts_with(prefix) && name.size() > prefix.size()) return i;
  }
  return std::nullopt;
}

void append_xattr(std::string& set, std::string_view name, std::string_view value) {
  uint16_t prefix = *find_prefix(name);
  name.remove_prefix(std::string_view(kXattrPrefixes[prefix]).size());
  set += as_text(bytes_of(XattrEntry{prefix, static_cast<uint16_t>(name.size())}));
  set += name;
  set += as_text(bytes_of(le32(static_cast<uint32_t>(value.size()))));
  set += value;
}

}  // namespace

uint16_t IdTable::index_of(uint32_t id) {
  auto [place, added] = indices_.try_emplace(id, static_cast<uint16_t>(ids_.size()));
  if (added) {
    assert(ids_.size() < kMaxIds);
    ids_.emplace_back(id);
  }
  return place->second;
}

uint64_t IdTable::append_to(Output& out, Compressor& compressor) const {
  return append_table(out, compressor,
                      {reinterpret_cast<const uint8_t*>(ids_.data()), ids_.size() * sizeof(le32)});
}

uint32_t XattrTable::index_of(const Node& node) {
  std::string set;
  uint32_t count = 0;
  auto append_label = [&] {
    if (node.label.empty()) return;
    // The kernel stores contexts with their NUL.
    append_xattr(set, kLabelXattr, std::string(node.label.text()) + '\0');
    ++count;
  };
  bool label_pending = true;
  if (node.xattrs) {
    for (const auto& [name, value] : *node.xattrs) {
      if (label_pending && name > kLabelXattr) {
        append_label();
        label_pending = false;
      }
      append_xattr(set, name, value);
      ++count;
    }
  }
  if (label_pending) append_label();
  if (count == 0) return kNoXattrs;
  auto [place, added] = indices_.try_emplace(set, static_cast<uint32_t>(sets_.size()));
  if (added) {
    sets_.push_back(std::move(set));
    counts_.push_back(count);
  }
  return place->second;
}

uint64_t XattrTable::append_to(Output& out, Compressor& compressor) const {
  MetadataStream entries(compressor), sets(compressor);
  for (size_t i = 0; i < sets_.size(); ++i) {
    XattrSet set{entries.reference(), counts_[i], static_cast<uint32_t>(sets_[i].size())};
    sets.append(bytes_of(set));
    entries.append(as_bytes(sets_[i]));
  }
  uint64_t entries_start = out.position();
  out.append(entries.finish());
  uint64_t sets_start = out.position();
  out.append(sets.finish());
  uint64_t header = out.position();
  out.append(bytes_of(XattrTableHeader{entries_start, static_cast<uint32_t>(sets_.size()), 0}));
  for (uint64_t block : sets.block_starts()) out.append(bytes_of(le64(sets_start + block)));
  return header;
}

std::string xattr_fault(std::string_view name, std::string_view value) {
  if (name == kLabelXattr) return "the label stands among the other xattrs";
  if (!find_prefix(name)) {
    return fmt::format("squashfs has no xattr '{}', only user., trusted. and security.", name);
  }
  if (name.size() > 255) return fmt::format("xattr '{}' has a name longer than 255 bytes", name);
  if (value.size() > kMaxXattrValue) {
    return fmt::format("xattr '{}' has {} bytes, expected at most {}", name, value.size(),
                       kMaxXattrValue);
  }
  return {};
}

}  // namespace imagefmt::squashfs
