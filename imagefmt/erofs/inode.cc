// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/inode.h"

namespace imagefmt::erofs {

namespace {

uint32_t start_of(const Node& node, const InodeFields& fields) {
  const Device* device = node.device();
  if (!device) return fields.start;
  return (device->minor & 0xff) | device->major << 8 | (device->minor & ~0xffu) << 12;
}

template <class Inode>
void fill(Inode& inode, const Node& node, const InodeFields& fields, ByteView xattrs) {
  if (!xattrs.empty()) {
    inode.xattr_count =
        static_cast<uint16_t>(1 + (xattrs.size() - sizeof(XattrHeader)) / kXattrUnit);
  }
  inode.mode = static_cast<uint16_t>(mode_bits(node_type(node)) | node.mode);
  inode.start = start_of(node, fields);
  inode.number = static_cast<uint32_t>(fields.number + 1);
}

}  // namespace

uint64_t header_size(const Node& node, const InodeFields& fields, int64_t build_time) {
  const bool is_compact = node.mtime == build_time && node.uid <= UINT16_MAX &&
                          node.gid <= UINT16_MAX && fields.size <= UINT32_MAX &&
                          fields.links <= UINT16_MAX;
  return is_compact ? sizeof(CompactInode) : sizeof(ExtendedInode);
}

Bytes serialize_inode(const Node& node, const InodeFields& fields, ByteView xattrs,
                      int64_t build_time) {
  Bytes bytes;
  const uint16_t layout = static_cast<uint16_t>(fields.layout << kLayoutShift);
  if (header_size(node, fields, build_time) == sizeof(CompactInode)) {
    CompactInode inode{};
    fill(inode, node, fields, xattrs);
    inode.format = layout;
    inode.link_count = static_cast<uint16_t>(fields.links);
    inode.size = static_cast<uint32_t>(fields.size);
    inode.uid = static_cast<uint16_t>(node.uid);
    inode.gid = static_cast<uint16_t>(node.gid);
    append(bytes, bytes_of(inode));
  } else {
    ExtendedInode inode{};
    fill(inode, node, fields, xattrs);
    inode.format = static_cast<uint16_t>(layout | kExtended);
    inode.link_count = fields.links;
    inode.size = fields.size;
    inode.uid = node.uid;
    inode.gid = node.gid;
    inode.mtime = static_cast<uint64_t>(node.mtime);
    append(bytes, bytes_of(inode));
  }
  append(bytes, xattrs);
  return bytes;
}

}  // namespace imagefmt::erofs
