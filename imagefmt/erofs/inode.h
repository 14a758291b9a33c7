// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/erofs/format.h"
#include "imagefmt/tree.h"

namespace imagefmt::erofs {

/// What an inode holds beside its node.
struct InodeFields {
  uint64_t number;  // counted from 0
  uint64_t size = 0;
  uint32_t links = 1;
  Layout layout = kFlat;
  uint32_t start = 0;
};

/// The size of the inode's header: that of the compact form, if it can hold the node.
uint64_t header_size(const Node& node, const InodeFields& fields, int64_t build_time);

/// The header and the xattrs (XattrTable::serialize).
Bytes serialize_inode(const Node& node, const InodeFields& fields, ByteView xattrs,
                      int64_t build_time);

/// Whether the last part block of `size` bytes of data can stand behind the `before` bytes of
/// header and xattrs.
constexpr bool fits_inline(uint64_t before, uint64_t size) {
  const uint64_t tail = size % kBlockSize;
  return tail != 0 && before % kBlockSize + tail <= kBlockSize;
}

}  // namespace imagefmt::erofs
