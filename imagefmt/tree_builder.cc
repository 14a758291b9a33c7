// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/tree_builder.h"

#include <algorithm>
#include <numeric>

namespace imagefmt {

namespace {

constexpr size_t kFewSlots = 1024;  // a power of two, as all sizes are

size_t hash_of(uint32_t folder, std::string_view name) {
  return std::hash<std::string_view>()(name) ^ (folder * size_t{0x9e3779b97f4a7c15});
}

}  // namespace

TreeBuilder::TreeBuilder(Node root) : slots_(kFewSlots) {
  items_.push_back({{"", std::move(root)}, kRoot});
}

/// Where the item is, or the free slot where it would be.
size_t TreeBuilder::slot_of(Number folder, std::string_view name) const {
  size_t slot = hash_of(folder, name) & (slots_.size() - 1);
  for (; slots_[slot] != kRoot; slot = (slot + 1) & (slots_.size() - 1)) {
    const Item& item = items_[slots_[slot]];
    if (item.folder == folder && item.entry.name == name) break;
  }
  return slot;
}

std::optional<TreeBuilder::Number> TreeBuilder::find(Number folder, std::string_view name) const {
  const Number found = slots_[slot_of(folder, name)];
  return found == kRoot ? std::nullopt : std::optional(found);
}

TreeBuilder::Number TreeBuilder::add(Number folder, std::string_view name, Node node) {
  if (items_.size() == UINT32_MAX) throw Error("a tree of more than 4294967295 nodes");
  if (items_.size() > slots_.size() / 2) grow();
  const Number number = static_cast<Number>(items_.size());
  slots_[slot_of(folder, name)] = number;
  items_.push_back({{std::string(name), std::move(node)}, folder});
  items_[folder].has_entries = true;
  return number;
}

void TreeBuilder::grow() {
  slots_.assign(slots_.size() * 2, kRoot);
  for (Number number = 1; number < items_.size(); ++number) {
    slots_[slot_of(items_[number].folder, items_[number].entry.name)] = number;
  }
}

FileTree TreeBuilder::finish() && {
  slots_ = {};
  std::vector<Number> order(items_.size() - 1);
  std::iota(order.begin(), order.end(), Number{1});
  std::sort(order.begin(), order.end(), [&](Number a, Number b) {
    const Item &x = items_[a], &y = items_[b];
    return x.folder != y.folder ? x.folder < y.folder : x.entry.name < y.entry.name;
  });
  // From the last folder to the first, so that each moves into its own folder when it is whole.
  while (!order.empty()) {
    const Number folder = items_[order.back()].folder;
    const auto first = std::find_if(order.rbegin(), order.rend(), [&](Number number) {
                         return items_[number].folder != folder;
                       }).base();
    std::vector<Entry>& entries = at(folder).directory()->entries;
    entries.reserve(static_cast<size_t>(order.end() - first));
    for (auto number = first; number != order.end(); ++number) {
      entries.push_back(std::move(items_[*number].entry));
    }
    order.erase(first, order.end());
  }
  return FileTree(std::move(at(kRoot)));
}

}  // namespace imagefmt
