// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/tar/metadata.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/posix_acl.h"

namespace imagefmt::tar {

namespace {

constexpr std::string_view kLabelXattr = "security.selinux";
constexpr uint64_t kMaxFile = uint64_t{1} << 44;  // the largest that ext4 holds

uint32_t bounded(int64_t number, int64_t most, std::string_view what) {
  if (number < 0 || number > most) {
    throw Error(fmt::format("{} {}, expected 0 to {}", what, number, most));
  }
  return static_cast<uint32_t>(number);
}

Device device_of(archive_entry* header, Device::Kind kind) {
  Device device{kind};
  if (kind == Device::Kind::kCharacter || kind == Device::Kind::kBlock) {
    device.major =
        bounded(static_cast<int64_t>(archive_entry_rdevmajor(header)), UINT32_MAX, "device major");
    device.minor =
        bounded(static_cast<int64_t>(archive_entry_rdevminor(header)), UINT32_MAX, "device minor");
  }
  return device;
}

std::variant<Directory, Regular, Symlink, Device> kind_of(archive_entry* header) {
  switch (archive_entry_filetype(header)) {
    case AE_IFDIR:
      return Directory();
    case AE_IFREG:
      return Regular();
    case AE_IFLNK: {
      const char* target = archive_entry_symlink(header);
      const std::string_view text = target ? target : "";
      if (text.empty() || text.size() > kMaxSymlinkTarget) {
        throw Error(fmt::format("a symlink target has 1 to {} bytes, found {}", kMaxSymlinkTarget,
                                text.size()));
      }
      return Symlink{std::string(text)};
    }
    case AE_IFCHR:
      return device_of(header, Device::Kind::kCharacter);
    case AE_IFBLK:
      return device_of(header, Device::Kind::kBlock);
    case AE_IFIFO:
      return device_of(header, Device::Kind::kFifo);
    default:
      throw Error("its type is unknown, or a part of a file that another archive begins");
  }
}

struct AclTag {
  int of_libarchive;
  uint16_t of_linux;
  bool has_id;
};
constexpr AclTag kAclTags[] = {
    {ARCHIVE_ENTRY_ACL_USER_OBJ, kAclUserObject, false},
    {ARCHIVE_ENTRY_ACL_USER, kAclUser, true},
    {ARCHIVE_ENTRY_ACL_GROUP_OBJ, kAclGroupObject, false},
    {ARCHIVE_ENTRY_ACL_GROUP, kAclGroup, true},
    {ARCHIVE_ENTRY_ACL_MASK, kAclMask, false},
    {ARCHIVE_ENTRY_ACL_OTHER, kAclOther, false},
};
static_assert(ARCHIVE_ENTRY_ACL_READ == 4 && ARCHIVE_ENTRY_ACL_WRITE == 2 &&
              ARCHIVE_ENTRY_ACL_EXECUTE == 1);  // as Linux has them

/// Sorted as Linux wants them; none if the entry has no such ACL.
std::vector<AclEntry> read_acl(archive_entry* header, int type) {
  std::vector<AclEntry> acl;
  if (archive_entry_acl_reset(header, type) == 0) return acl;
  int found_type = 0, permissions = 0, tag = 0, id = 0;
  const char* name = nullptr;
  while (archive_entry_acl_next(header, type, &found_type, &permissions, &tag, &id, &name) ==
         ARCHIVE_OK) {
    const auto* known = std::find_if(std::begin(kAclTags), std::end(kAclTags),
                                     [&](const AclTag& one) { return one.of_libarchive == tag; });
    if (known == std::end(kAclTags)) throw Error("an ACL that Linux does not have");
    if (known->has_id && id < 0) {
      throw Error(fmt::format("its ACL names '{}' without a number", name ? name : ""));
    }
    acl.push_back({known->of_linux, static_cast<uint16_t>(permissions & 7),
                   known->has_id ? static_cast<uint32_t>(id) : kAclNoId});
  }
  std::sort(acl.begin(), acl.end(), [](const AclEntry& a, const AclEntry& b) {
    return std::make_tuple(uint16_t{a.tag}, uint32_t{a.id}) <
           std::make_tuple(uint16_t{b.tag}, uint32_t{b.id});
  });
  return acl;
}

std::string acl_value(const std::vector<AclEntry>& acl) {
  std::string value(as_text(bytes_of(AclHeader{kAclVersion})));
  for (const AclEntry& entry : acl) value += as_text(bytes_of(entry));
  return value;
}

void take_acls(archive_entry* header, Node& node, Xattrs& xattrs) {
  const int types = archive_entry_acl_types(header);
  if ((types & ARCHIVE_ENTRY_ACL_TYPE_NFS4) != 0) throw Error("an ACL that Linux does not have");
  if ((types & ARCHIVE_ENTRY_ACL_TYPE_DEFAULT) != 0) {
    xattrs["system.posix_acl_default"] =
        acl_value(read_acl(header, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT));
  }
  const std::vector<AclEntry> access = read_acl(header, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
  if (access.empty()) return;
  xattrs["system.posix_acl_access"] = acl_value(access);
  // libarchive has put the owning group's permissions into the mode, Linux has the mask there.
  for (const AclEntry& entry : access) {
    if (entry.tag == kAclMask) {
      node.mode = static_cast<uint16_t>((node.mode & ~070) | (entry.permissions << 3));
    }
  }
}

std::unique_ptr<Xattrs> xattrs_of(archive_entry* header, Node& node) {
  Xattrs xattrs;
  archive_entry_xattr_reset(header);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (archive_entry_xattr_next(header, &name, &value, &size) == ARCHIVE_OK) {
    if (!name || name == kLabelXattr) continue;
    // The list is from the last to the first, and the last one counts.
    xattrs.emplace(name, std::string(static_cast<const char*>(value), size));
  }
  take_acls(header, node, xattrs);
  return xattrs.empty() ? nullptr : std::make_unique<Xattrs>(std::move(xattrs));
}

}  // namespace

Node node_of(archive_entry* header) {
  Node node(kind_of(header), static_cast<uint16_t>(archive_entry_perm(header) & 07777));
  if (node.symlink()) node.mode = 0777;
  // 4294967295 stands for no id at all.
  node.uid = bounded(archive_entry_uid(header), UINT32_MAX - 1, "uid");
  node.gid = bounded(archive_entry_gid(header), UINT32_MAX - 1, "gid");
  node.mtime = archive_entry_mtime(header);
  node.xattrs = xattrs_of(header, node);
  return node;
}

uint64_t size_of(archive_entry* header) {
  const int64_t size = archive_entry_size(header);
  if (size < 0 || static_cast<uint64_t>(size) > kMaxFile) {
    throw Error(fmt::format("{} bytes, expected 0 to {}", size, kMaxFile));
  }
  return static_cast<uint64_t>(size);
}

}  // namespace imagefmt::tar
