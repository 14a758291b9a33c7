// SPDX-License-Identifier: Apache-2.0
//
// The whole image before its first byte: the number and the blocks of every inode.
#pragma once

#include <vector>

#include "imagefmt/ext4/attributes.h"
#include "imagefmt/ext4/directory.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/ext4/extents.h"
#include "imagefmt/ext4/geometry.h"
#include "imagefmt/ext4/known_files.h"

namespace imagefmt::ext4 {

struct PlannedInode {
  const Node* node = nullptr;
  uint32_t parent = 0;       // index, as first_child
  uint32_t first_child = 0;  // the entries of a directory follow each other
  uint32_t xattr_set = kNone;
  uint32_t xattr_block = kNone;  // number among the blocks of xattrs
  uint32_t first_run = 0, run_count = 0;
  uint32_t tree_blocks = 0;  // of extents, besides the root
  uint64_t first_tree_block = 0;
  const KnownFile* known = nullptr;  // where the reference has the file, if it has
};

/// Consecutive blocks of the file system.
struct Region {
  uint64_t first_block = 0, block_count = 0;
  uint64_t end() const { return first_block + block_count; }
};

struct Plan {
  Identity identity;
  Seeds seeds;
  Geometry geometry;
  /// The root, then the entries of each directory, those of its first folder, and so on down.
  std::vector<PlannedInode> inodes;
  /// A file besides, behind the others; `node` is null if there is none.
  PlannedInode journal;
  std::unique_ptr<Node> journal_node;
  /// Of directories and symlinks, in the order of their inodes; then those of files. What shares its
  /// blocks with a file before it has that one's runs.
  std::vector<Run> runs;
  size_t first_file_run = 0;
  AttributeSets attributes;
  // The content, in the order on disk.
  Region directories, symlinks, extents, xattrs, files;

  static uint32_t number_of(size_t index) {
    return index == 0 ? kRootInode : static_cast<uint32_t>(kFirstInode - 1 + index);
  }
  uint64_t journal_bytes() const {
    return journal.node ? journal.node->regular()->content.size_bytes() : 0;
  }
  /// The inode of that number, or null if it is not in use.
  const PlannedInode* find(uint32_t number) const {
    if (number == kRootInode) return inodes.data();
    if (number == kJournalInode && journal.node) return &journal;
    return number < kFirstInode ? nullptr : &inodes[number - kFirstInode + 1];
  }
  /// Calls `body` for each inode that has a place, the journal last.
  template <class Body>
  void for_each(const Body& body) {
    for (PlannedInode& inode : inodes) body(inode);
    if (journal.node) body(journal);
  }
  std::span<const Run> runs_of(const PlannedInode& inode) const {
    return std::span(runs).subspan(inode.first_run, inode.run_count);
  }
};

/// Throws what stands against writing `tree`. `known` is what a reference has, or null; the plan does
/// not depend on it. Both must outlive the plan.
Plan make_plan(const FileTree& tree, const Ext4Options& options, const KnownFiles* known = nullptr);

}  // namespace imagefmt::ext4
