// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"

namespace imagefmt {

/// A tree that grows by names in any order: each costs the same, where inserting into sorted
/// entries costs the more the larger a folder is. Nodes are known by number, folders before what is
/// in them; numbers and nodes stay where they are.
class TreeBuilder {
 public:
  using Number = uint32_t;
  static constexpr Number kRoot = 0;

  explicit TreeBuilder(Node root);

  std::optional<Number> find(Number folder, std::string_view name) const;
  /// REQUIRES: `folder` is one and has no such entry; the name is legal.
  Number add(Number folder, std::string_view name, Node node);
  Node& at(Number number) { return items_[number].entry.node; }
  bool has_entries(Number folder) const { return items_[folder].has_entries; }

  FileTree finish() &&;

 private:
  struct Item {
    Entry entry;
    Number folder;
    bool has_entries = false;
  };
  size_t slot_of(Number folder, std::string_view name) const;
  void grow();

  std::deque<Item> items_;
  std::vector<Number> slots_;  // a hash table of the items, by folder and name; kRoot: free
};

}  // namespace imagefmt
