// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/attributes.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "imagefmt/posix_acl.h"

namespace imagefmt::ext4 {

namespace {

constexpr std::string_view kLabelXattr = "security.selinux";
constexpr size_t kEndMark = 4;

struct Prefix {
  uint8_t index;
  std::string_view text;
};
constexpr Prefix kAccessAcl = {2, "system.posix_acl_access"};
constexpr Prefix kDefaultAcl = {3, "system.posix_acl_default"};
/// ACLs have a prefix that is their whole name.
constexpr Prefix kPrefixes[] = {
    {1, "user."}, kAccessAcl, kDefaultAcl, {4, "trusted."}, {6, "security."}};

bool is_acl(const Prefix& prefix) {
  return prefix.index == kAccessAcl.index || prefix.index == kDefaultAcl.index;
}

const Prefix* find_prefix(std::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    if (is_acl(prefix) ? name == prefix.text
                       : name.starts_with(prefix.text) && name.size() > prefix.text.size()) {
      return &prefix;
    }
  }
  return nullptr;
}

/// On the disk an ACL has another version (fs/ext4/acl.h), and there only entries for a named user
/// or group have an id.
constexpr uint32_t kStoredAclVersion = 1;
constexpr size_t kShortAclEntry = 4;

bool has_id(const AclEntry& entry) {
  return entry.tag == kAclUser || entry.tag == kAclGroup;
}

/// Nothing if it is no ACL.
std::optional<std::string> pack_acl(std::string_view value) {
  ByteView bytes = as_bytes(value);
  if (bytes.size() < sizeof(AclHeader) ||
      (bytes.size() - sizeof(AclHeader)) % sizeof(AclEntry) != 0 ||
      struct_at<AclHeader>(bytes, 0).version != kAclVersion) {
    return std::nullopt;
  }
  std::string packed(as_text(bytes_of(AclHeader{kStoredAclVersion})));
  for (size_t at = sizeof(AclHeader); at < bytes.size(); at += sizeof(AclEntry)) {
    const AclEntry& entry = struct_at<AclEntry>(bytes, at);
    packed += as_text(bytes_of(entry)).substr(0, has_id(entry) ? sizeof entry : kShortAclEntry);
  }
  return packed;
}

std::string unpack_acl(std::string_view value) {
  Cursor cursor(as_bytes(value), "ACL");
  if (const uint32_t version = cursor.take_struct<AclHeader>().version;
      version != kStoredAclVersion) {
    throw Error(fmt::format("an ACL of version {}, expected {}", version, kStoredAclVersion));
  }
  std::string acl(as_text(bytes_of(AclHeader{kAclVersion})));
  while (cursor.remaining() != 0) {
    AclEntry entry{cursor.take_struct<le16>(), cursor.take_struct<le16>(), kAclNoId};
    if (has_id(entry)) entry.id = cursor.take_struct<le32>();
    acl += as_text(bytes_of(entry));
  }
  return acl;
}

StoredXattr stored(std::string_view name, std::string_view value) {
  const Prefix& prefix = *find_prefix(name);
  if (is_acl(prefix)) return {prefix.index, {}, *pack_acl(value)};
  return {prefix.index, std::string(name.substr(prefix.text.size())), std::string(value)};
}

/// The label first, with the NUL that the kernel stores contexts with.
std::vector<StoredXattr> stored_xattrs(const Node& node) {
  std::vector<StoredXattr> xattrs;
  if (!node.label.empty()) {
    xattrs.push_back(stored(kLabelXattr, std::string(node.label.text()) + '\0'));
  }
  if (node.xattrs) {
    for (const auto& [name, value] : *node.xattrs) xattrs.push_back(stored(name, value));
  }
  return xattrs;
}

/// ext4_xattr_hash_entry() of the kernel.
uint32_t hash_entry(const StoredXattr& xattr) {
  uint32_t hash = 0;
  for (const char c : xattr.name) {
    hash = (hash << 5) ^ (hash >> 27) ^ static_cast<unsigned char>(c);
  }
  std::string padded = xattr.value;
  padded.resize(xattr.value_size());
  for (size_t at = 0; at < padded.size(); at += 4) {
    hash = (hash << 16) ^ (hash >> 16) ^ uint32_t { struct_at<le32>(as_bytes(padded), at) };
  }
  return hash;
}

/// Puts entries at `entries` of `area` and their values at its end.
void serialize_xattrs(const std::vector<StoredXattr>& xattrs, std::span<uint8_t> area,
                      size_t entries, size_t base, bool hashed) {
  size_t at = entries, values = area.size();
  for (const StoredXattr& xattr : xattrs) {
    values -= xattr.value_size();
    XattrEntry& entry = struct_at<XattrEntry>(area, at);
    entry.name_size = static_cast<uint8_t>(xattr.name.size());
    entry.prefix = xattr.prefix;
    entry.value_offset = low16(xattr.value.empty() ? 0 : values - base);
    entry.value_size = low32(xattr.value.size());
    if (hashed) entry.hash = hash_entry(xattr);
    std::copy(xattr.name.begin(), xattr.name.end(),
              area.begin() + static_cast<ptrdiff_t>(at + sizeof entry));
    std::copy(xattr.value.begin(), xattr.value.end(),
              area.begin() + static_cast<ptrdiff_t>(values));
    at += xattr.entry_size();
  }
}

Bytes serialize_inode_part(const std::vector<StoredXattr>& xattrs, size_t space) {
  Bytes part;
  if (xattrs.empty()) return part;
  part.resize(space);
  struct_at<le32>(std::span(part), 0) = kXattrMagic;
  serialize_xattrs(xattrs, part, sizeof(le32), sizeof(le32), false);
  return part;
}

/// Without its reference count and checksum.
Bytes serialize_block_part(const std::vector<StoredXattr>& xattrs) {
  Bytes block(kBlockSize);
  XattrBlockHeader& header = struct_at<XattrBlockHeader>(std::span(block), 0);
  header.magic = kXattrMagic;
  header.block_count = 1;
  serialize_xattrs(xattrs, block, sizeof header, 0, true);
  uint32_t hash = 0;
  for (const StoredXattr& xattr : xattrs) {
    const uint32_t entry = hash_entry(xattr);
    if (entry == 0) {
      hash = 0;  // "do not share"
      break;
    }
    hash = (hash << 16) ^ (hash >> 16) ^ entry;
  }
  header.hash = hash;
  return block;
}

size_t stored_size(const StoredXattr& xattr) {
  return xattr.entry_size() + xattr.value_size();
}

}  // namespace

bool operator<(const StoredXattr& a, const StoredXattr& b) {
  const auto key = [](const StoredXattr& x) { return std::make_tuple(x.prefix, x.name.size()); };
  return std::tuple_cat(key(a), std::tie(a.name)) < std::tuple_cat(key(b), std::tie(b.name));
}

size_t StoredXattr::entry_size() const {
  return align_up(sizeof(XattrEntry) + name.size(), 4);
}
size_t StoredXattr::value_size() const {
  return align_up(value.size(), 4);
}

std::string xattr_fault(const Node& node) {
  if (node.xattrs) {
    for (const auto& [name, value] : *node.xattrs) {
      if (name == kLabelXattr) return "the label stands among the other xattrs";
      const Prefix* prefix = find_prefix(name);
      if (!prefix) {
        return fmt::format("ext4 has no xattr '{}', only user., trusted., security. and POSIX ACLs",
                           name);
      }
      if (is_acl(*prefix) && !pack_acl(value)) {
        return fmt::format("xattr '{}' is no ACL of version {}", name, kAclVersion);
      }
      if (name.size() > 255) {
        return fmt::format("xattr '{}' has a name longer than 255 bytes", name);
      }
    }
  }
  size_t size = sizeof(XattrBlockHeader) + kEndMark;
  for (const StoredXattr& xattr : stored_xattrs(node)) size += stored_size(xattr);
  if (size > kBlockSize) {
    return fmt::format("xattrs of {} bytes do not fit, ext4 holds {} an inode", size, kBlockSize);
  }
  return {};
}

uint32_t AttributeSets::add(const Node& node) {
  if (node.label.empty() && !node.xattrs) return kNone;
  std::string key(node.label.text());
  if (node.xattrs) {
    for (const auto& [name, value] : *node.xattrs) {
      key += '\0' + name + '\0' + std::to_string(value.size()) + '\0' + value;
    }
  }
  auto [place, added] = numbers_.try_emplace(std::move(key), low32(sets_.size()));
  if (added) sets_.push_back({stored_xattrs(node), 0, {}, kNone});
  ++sets_[place->second].users;
  return sets_[place->second].xattrs.empty() ? kNone : place->second;
}

void AttributeSets::split(uint32_t inode_size) {
  const size_t space = inode_size - sizeof(Inode);
  parts_.clear();
  blocks_.clear();
  std::map<std::string, uint32_t> known;  // by the bytes of the part
  for (Set& set : sets_) {
    std::vector<StoredXattr> inside, outside;
    size_t used = sizeof(le32) + kEndMark;
    // Whole if it fits, and else the label alone.
    size_t whole = used;
    for (const StoredXattr& xattr : set.xattrs) whole += stored_size(xattr);
    for (const StoredXattr& xattr : set.xattrs) {
      const bool is_label = &xattr == &set.xattrs.front();
      const bool fits = used + stored_size(xattr) <= space && (whole <= space || is_label);
      if (fits) used += stored_size(xattr);
      (fits ? inside : outside).push_back(xattr);
    }
    std::sort(inside.begin(), inside.end());
    std::sort(outside.begin(), outside.end());
    set.inode_part = serialize_inode_part(inside, space);
    set.block_part = kNone;
    if (outside.empty()) continue;
    Bytes block = serialize_block_part(outside);
    auto [place, added] = known.try_emplace(std::string(as_text(block)), low32(parts_.size()));
    if (added) parts_.push_back({std::move(block), 0, kNone});
    set.block_part = place->second;
    parts_[place->second].users += set.users;
  }
}

uint64_t AttributeSets::block_count() const {
  uint64_t count = 0;
  for (const BlockPart& part : parts_) {
    count += (part.users + kMaxXattrReferences - 1) / kMaxXattrReferences;
  }
  return count;
}

uint32_t AttributeSets::take_block(uint32_t set) {
  if (set == kNone || sets_[set].block_part == kNone) return kNone;
  BlockPart& part = parts_[sets_[set].block_part];
  if (part.current_block == kNone ||
      blocks_[part.current_block].references == kMaxXattrReferences) {
    part.current_block = low32(blocks_.size());
    blocks_.push_back({sets_[set].block_part, 0});
  }
  ++blocks_[part.current_block].references;
  return part.current_block;
}

void AttributeSets::serialize_block(uint32_t number, uint64_t position, const Seeds& seeds,
                                    std::span<uint8_t> into) const {
  const Block& block = blocks_[number];
  const Bytes& bytes = parts_[block.part].bytes;
  std::copy(bytes.begin(), bytes.end(), into.begin());
  XattrBlockHeader& header = struct_at<XattrBlockHeader>(into, 0);
  header.reference_count = block.references;
  header.checksum = crc32c(crc32c(seeds.checksum, bytes_of(le64(position))), into);
}

std::vector<FoundXattr> parse_xattrs(ByteView area, size_t entries, size_t base) {
  std::vector<FoundXattr> found;
  Cursor cursor(area, "list of xattrs");
  cursor.take(entries);
  while (cursor.remaining() >= sizeof(le32)) {
    if (struct_at<le32>(area, cursor.offset()) == 0) break;
    const size_t start = cursor.offset();
    const XattrEntry entry = cursor.take_struct<XattrEntry>();
    std::string name(as_text(cursor.take(entry.name_size)));
    cursor.take(std::min(cursor.remaining(),
                         align_up(cursor.offset() - start, 4) - (cursor.offset() - start)));
    const Prefix* prefix = std::find_if(std::begin(kPrefixes), std::end(kPrefixes),
                                        [&](const Prefix& p) { return p.index == entry.prefix; });
    if (prefix == std::end(kPrefixes) || is_acl(*prefix) != name.empty()) {
      throw Error(fmt::format("bad xattr with prefix {} and a name of {} bytes",
                              uint8_t{entry.prefix}, uint8_t{entry.name_size}));
    }
    name.insert(0, prefix->text);
    if (entry.value_inode != 0)
      throw Error(fmt::format("xattr '{}' has its value in an inode", name));
    const uint64_t offset = base + uint64_t{entry.value_offset};
    const uint32_t size = entry.value_size;
    if (size != 0 && (offset > area.size() || size > area.size() - offset)) {
      throw Error(fmt::format("the value of xattr '{}', {} bytes at {}, is not among {}", name,
                              size, offset, area.size()));
    }
    std::string value(size == 0 ? std::string_view() : as_text(area.subspan(offset, size)));
    if (is_acl(*prefix)) value = unpack_acl(value);
    found.push_back({std::move(name), std::move(value)});
  }
  return found;
}

}  // namespace imagefmt::ext4
