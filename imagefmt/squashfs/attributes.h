// SPDX-License-Identifier: Apache-2.0
//
// The two tables that inodes point into: ids and sets of xattrs. Each value is stored once, in the
// order in which they are first asked for.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "imagefmt/squashfs/metadata_stream.h"
#include "imagefmt/tree.h"

namespace imagefmt::squashfs {

class IdTable {
 public:
  /// REQUIRES: no more than kMaxIds different ids are asked for.
  uint16_t index_of(uint32_t id);
  size_t count() const { return ids_.size(); }
  uint64_t append_to(Output& out, Compressor& compressor) const;

 private:
  std::vector<le32> ids_;
  std::unordered_map<uint32_t, uint16_t> indices_;
};

class XattrTable {
 public:
  /// The index of the node's set, label included; kNoXattrs if it has none.
  uint32_t index_of(const Node& node);
  bool empty() const { return sets_.empty(); }
  /// The position of the XattrTableHeader.
  uint64_t append_to(Output& out, Compressor& compressor) const;

 private:
  std::vector<std::string> sets_;  // as they are stored
  std::vector<uint32_t> counts_;
  std::unordered_map<std::string, uint32_t> indices_;
};

/// What stands against storing an xattr, or empty.
std::string xattr_fault(std::string_view name, std::string_view value);

}  // namespace imagefmt::squashfs
