// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/skeleton.h"

#include <algorithm>

#include "imagefmt/erofs/inode.h"
#include "imagefmt/erofs/listing.h"

namespace imagefmt::erofs {

/// One of the nodes as it will stand.
struct Skeleton::Stored {
  Stored(const Node& node, uint64_t number, const XattrTable& table, int64_t build_time)
      : fields{.number = number}, xattrs(table.serialize(node)) {
    if (const Directory* directory = node.directory()) {
      fields.size = listing_size(*directory);
      fields.links = 2;
      for (const Entry& entry : directory->entries) {
        fields.links += entry.node.directory() != nullptr;
      }
    } else if (const Symlink* link = node.symlink()) {
      fields.size = link->target.size();
    }
    const uint64_t before = header_size(node, fields, build_time) + xattrs.size();
    const bool is_inline = fits_inline(before, fields.size);
    if (is_inline) fields.layout = kFlatInline;
    inline_bytes = is_inline ? fields.size % kBlockSize : 0;
    inode_bytes = before + inline_bytes;
    block_count = (fields.size - inline_bytes + kBlockSize - 1) / kBlockSize;
  }

  void count(const Node& node, WrittenImage& sizes) const {
    sizes.inodes += inode_bytes - inline_bytes - xattrs.size();
    sizes.xattrs += xattrs.size();
    (node.directory() ? sizes.directories : sizes.inodes) += fields.size;
    sizes.padding += block_count * kBlockSize - (fields.size - inline_bytes);
  }

  InodeFields fields;
  Bytes xattrs;
  uint64_t inline_bytes, inode_bytes, block_count;
};

/// Calls `visit(node, number, folder)` for the nodes that are not files. `folder` is the node's own
/// one, null if it is no directory; a directory's entries follow those of its parent.
template <class Visit>
void Skeleton::for_each_node(const Visit& visit) const {
  visit(tree_.root(), 0);
  for_each_folder(tree_, [&](const Folder& folder) {
    for (size_t i = 0; i < folder.entries().size(); ++i) {
      const Node& node = folder.entries()[i].node;
      if (!node.regular()) visit(node, folder.first_entry + i);
    }
  });
}

Skeleton::Skeleton(const FileTree& tree, const XattrTable& xattrs, int64_t build_time)
    : tree_(tree), xattrs_(xattrs), build_time_(build_time) {
  nids_.resize(for_each_folder(tree, [](const Folder&) {}));
  uint64_t data_blocks = 0, inode_bytes = 0;
  for_each_node([&](const Node& node, uint64_t number) {
    const Stored stored(node, number, xattrs_, build_time_);
    nids_[number] = (kFirstBlock * kBlockSize + slots_.place(stored.inode_bytes)) / kSlotSize;
    data_blocks += stored.block_count;
    inode_bytes += stored.inode_bytes;
    stored.count(node, sizes_);
  });
  xattr_block_ = kFirstBlock + slots_.block_count() + data_blocks;
  xattr_blocks_ = align_up(xattrs.shared().size(), kBlockSize) / kBlockSize;
  sizes_.xattrs += xattrs.shared().size();
  sizes_.padding += slots_.block_count() * kBlockSize - inode_bytes;
  sizes_.padding += xattr_blocks_ * kBlockSize - xattrs.shared().size();
}

Bytes Skeleton::serialize() const {
  Bytes bytes(block_count() * kBlockSize);
  auto put = [&](uint64_t position, ByteView part) {
    std::copy(part.begin(), part.end(),
              bytes.begin() + static_cast<ptrdiff_t>(position - kFirstBlock * kBlockSize));
  };
  uint64_t next_block = kFirstBlock + slots_.block_count();
  auto put_node = [&](const Node& node, uint64_t number, ByteView data) {
    Stored stored(node, number, xattrs_, build_time_);
    if (stored.block_count != 0) stored.fields.start = static_cast<uint32_t>(next_block);
    Bytes inode = serialize_inode(node, stored.fields, stored.xattrs, build_time_);
    append(inode, data.last(stored.inline_bytes));
    put(nids_[number] * kSlotSize, inode);
    put(next_block * kBlockSize, data.first(data.size() - stored.inline_bytes));
    next_block += stored.block_count;
  };
  for_each_folder(tree_, [&](const Folder& folder) {
    const std::span<const uint64_t> nids =
        std::span(nids_).subspan(folder.first_entry, folder.entries().size());
    put_node(folder.node, folder.number,
             serialize_listing(*folder.node.directory(), nids_[folder.number], nids_[folder.parent],
                               nids));
    for (size_t i = 0; i < folder.entries().size(); ++i) {
      const Node& node = folder.entries()[i].node;
      if (node.regular() || node.directory()) continue;
      const Symlink* link = node.symlink();
      put_node(node, folder.first_entry + i, link ? as_bytes(link->target) : ByteView());
    }
  });
  put(xattr_block_ * kBlockSize, xattrs_.shared());
  return bytes;
}

}  // namespace imagefmt::erofs
