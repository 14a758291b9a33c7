// SPDX-License-Identifier: Apache-2.0
//
// Flattened device trees, read. For the files of this folder alone.
#pragma once

#include <libfdt.h>

#include <optional>
#include <string>
#include <vector>

#include "imagefmt/base/bytes.h"

namespace imagefmt::uboot {

/// Throws what libfdt says of a result below 0.
int check_fdt(int result, std::string_view what);

/// The bytes of a tree that libfdt has found sound from end to end, which it must be before anything in
/// it is looked up.
class Fdt {
 public:
  /// Throws what is wrong with it. Bytes behind the tree are ignored.
  explicit Fdt(ByteView bytes);

  /// Nodes are offsets. Throws `there is no node <path>`.
  int node(const char* path) const;
  /// In the tree's order.
  std::vector<int> children(int node) const;
  std::string name(int node) const;
  std::optional<std::string_view> find(int node, const char* property) const;
  /// A string with its NUL at the end and none before; empty if there is no such property.
  std::string text(int node, const char* property) const;
  std::vector<std::string> texts(int node, const char* property) const;
  std::optional<uint32_t> number(int node, const char* property) const;

 private:
  [[noreturn]] void refuse(int node, const char* property, std::string_view why) const;
  Bytes bytes_;  // its own, as libfdt wants them aligned
};

}  // namespace imagefmt::uboot
