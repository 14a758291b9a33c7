// SPDX-License-Identifier: Apache-2.0
//
// ACLs as system calls have them, in `system.posix_acl_access` and `system.posix_acl_default`
// (linux/posix_acl_xattr.h, linux/posix_acl.h).
#pragma once

#include "imagefmt/base/endian.h"

namespace imagefmt {

struct AclHeader {
  le32 version;
};
struct AclEntry {
  le16 tag;
  le16 permissions;
  le32 id;
};
static_assert(sizeof(AclHeader) == 4 && sizeof(AclEntry) == 8);

constexpr uint32_t kAclVersion = 2;
constexpr uint16_t kAclUserObject = 0x01, kAclUser = 0x02, kAclGroupObject = 0x04, kAclGroup = 0x08,
                   kAclMask = 0x10, kAclOther = 0x20;
constexpr uint32_t kAclNoId = 0xffffffff;

}  // namespace imagefmt
