// SPDX-License-Identifier: Apache-2.0
//
// The inode and the directory table of an image.
#pragma once

#include "imagefmt/squashfs/attributes.h"
#include "imagefmt/squashfs/data_blocks.h"

namespace imagefmt::squashfs {

struct InodeTables {
  MetadataStream inodes, directories;
  IdTable ids;
  XattrTable xattrs;
  uint64_t root = 0;  // reference
  uint32_t inode_count = 0;

  explicit InodeTables(Compressor& compressor) : inodes(compressor), directories(compressor) {}
};

/// Calls `visit(node)` for the regular files in the order in which an image holds their data: the
/// files of a folder, then those of each of its folders. `data` of write_inodes() has this order.
template <class Visit>
void for_each_file(const Directory& directory, const Visit& visit) {
  for (const Entry& entry : directory.entries) {
    if (entry.node.regular()) visit(entry.node);
  }
  for (const Entry& entry : directory.entries) {
    if (const Directory* folder = entry.node.directory()) for_each_file(*folder, visit);
  }
}

/// Fills `tables` from a tree that write_squashfs() has checked.
void write_inodes(const FileTree& tree, const PlacedData& data, InodeTables& tables);

}  // namespace imagefmt::squashfs
