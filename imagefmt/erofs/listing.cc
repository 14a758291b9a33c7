// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/listing.h"

#include "imagefmt/erofs/format.h"

namespace imagefmt::erofs {

namespace {

/// Calls `visit(name, entry)` in the order of the names, '.' and '..' among them: those without an
/// entry.
template <class Visit>
void for_each_name(const Directory& directory, const Visit& visit) {
  auto entry = directory.entries.begin();
  for (std::string_view dots : {".", ".."}) {
    // In a template, Clang 14 takes no `<` that C++20 rewrites to `<=>`.
    for (; entry != directory.entries.end() && entry->name.compare(dots) < 0; ++entry) {
      visit(entry->name, &*entry);
    }
    visit(dots, nullptr);
  }
  for (; entry != directory.entries.end(); ++entry) visit(entry->name, &*entry);
}

/// One block of a listing in the making.
class ListingBlock {
 public:
  bool has_room(std::string_view name) const {
    return size() + sizeof(ListingEntry) + name.size() <= kBlockSize;
  }
  void add(std::string_view name, uint64_t nid, NodeType type) {
    entries_.push_back({nid, static_cast<uint16_t>(names_.size()), type, 0});
    names_ += name;
  }
  void append_to(Bytes& bytes) {
    for (ListingEntry& entry : entries_) {
      entry.name_offset =
          static_cast<uint16_t>(entry.name_offset + entries_.size() * sizeof(ListingEntry));
      append(bytes, bytes_of(entry));
    }
    append(bytes, as_bytes(names_));
    entries_.clear();
    names_.clear();
  }

 private:
  size_t size() const { return entries_.size() * sizeof(ListingEntry) + names_.size(); }

  std::vector<ListingEntry> entries_;
  std::string names_;
};

}  // namespace

uint64_t listing_size(const Directory& directory) {
  uint64_t start = 0, used = 0;
  for_each_name(directory, [&](std::string_view name, const Entry*) {
    const uint64_t size = sizeof(ListingEntry) + name.size();
    if (used + size > kBlockSize) {
      start += kBlockSize;
      used = 0;
    }
    used += size;
  });
  return start + used;
}

Bytes serialize_listing(const Directory& directory, uint64_t nid, uint64_t parent_nid,
                        std::span<const uint64_t> nids) {
  Bytes bytes;
  ListingBlock block;
  size_t next = 0;
  for_each_name(directory, [&](std::string_view name, const Entry* entry) {
    if (!block.has_room(name)) {
      block.append_to(bytes);
      bytes.resize(align_up(bytes.size(), kBlockSize));
    }
    if (entry) {
      block.add(name, nids[next++], node_type(entry->node));
    } else {
      block.add(name, name == "." ? nid : parent_nid, kDirectoryType);
    }
  });
  block.append_to(bytes);
  return bytes;
}

}  // namespace imagefmt::erofs
