// SPDX-License-Identifier: Apache-2.0
//
// Xattrs as inodes hold them: what several nodes have stands once in the image.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/tree.h"

namespace imagefmt::erofs {

/// What stands against storing an xattr, or empty.
std::string xattr_fault(std::string_view name, std::string_view value);
/// What the xattrs of a node take if none is shared. REQUIRES: none has a fault.
uint64_t xattr_bytes(const Node& node);

class XattrTable {
 public:
  /// Knows the xattrs of all nodes of `tree`, labels included.
  explicit XattrTable(const FileTree& tree);

  /// What stands behind the inode of one of the nodes; empty if it has no xattrs. Its size is a
  /// multiple of kXattrUnit.
  Bytes serialize(const Node& node) const;
  /// The shared xattrs, which inodes count from their start.
  const Bytes& shared() const { return shared_; }

 private:
  struct Use {
    uint64_t count = 0;
    std::optional<uint32_t> number;  // if it is shared
  };
  std::unordered_map<std::string, Use> uses_;  // by what is stored
  Bytes shared_;
};

}  // namespace imagefmt::erofs
