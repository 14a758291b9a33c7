// SPDX-License-Identifier: Apache-2.0
//
// All of an image that its tree alone decides: the inodes that are not files', what directories and
// symlinks hold, the shared xattrs.
#pragma once

#include <vector>

#include "imagefmt/erofs/slots.h"
#include "imagefmt/erofs/xattrs.h"
#include "imagefmt/tree.h"
#include "imagefmt/written_image.h"

namespace imagefmt::erofs {

/// A directory as the writer meets it. Nodes are counted: the root is 0, and the entries of a
/// directory follow each other.
struct Folder {
  const Node& node;
  uint64_t number, parent, first_entry;

  const std::vector<Entry>& entries() const { return node.directory()->entries; }
};

/// Calls `visit(folder)` for every directory, parents first. Returns the number of nodes.
template <class Visit>
uint64_t for_each_folder(const FileTree& tree, const Visit& visit) {
  uint64_t count = 1;
  auto descend = [&](auto& self, const Node& node, uint64_t number, uint64_t parent) -> void {
    const Folder folder{node, number, parent, count};
    count += folder.entries().size();
    visit(folder);
    for (size_t i = 0; i < folder.entries().size(); ++i) {
      const Node& child = folder.entries()[i].node;
      if (child.directory()) self(self, child, folder.first_entry + i, number);
    }
  };
  descend(descend, tree.root(), 0, 0);
  return count;
}

/// Stands from block 1 on, with the root first.
class Skeleton {
 public:
  /// REQUIRES: the arguments outlive this.
  Skeleton(const FileTree& tree, const XattrTable& xattrs, int64_t build_time);

  uint64_t block_count() const { return xattr_block_ + xattr_blocks_ - kFirstBlock; }
  uint64_t end_block() const { return kFirstBlock + block_count(); }
  uint64_t xattr_block() const { return xattr_block_; }
  uint64_t inode_count() const { return nids_.size(); }
  uint64_t root_nid() const { return nids_[0]; }
  /// Where its bytes go.
  const WrittenImage& sizes() const { return sizes_; }
  void set_nid(uint64_t file_number, uint64_t nid) { nids_[file_number] = nid; }

  static constexpr uint64_t kFirstBlock = 1;
  /// The bytes of all blocks. REQUIRES: the nid of every file is set.
  Bytes serialize() const;

 private:
  struct Stored;
  template <class Visit>
  void for_each_node(const Visit& visit) const;

  const FileTree& tree_;
  const XattrTable& xattrs_;
  int64_t build_time_;
  std::vector<uint64_t> nids_;
  SlotAllocator slots_;
  uint64_t xattr_block_ = 0, xattr_blocks_ = 0;
  WrittenImage sizes_;
};

}  // namespace imagefmt::erofs
