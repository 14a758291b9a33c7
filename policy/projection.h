// SPDX-License-Identifier: Apache-2.0
//
// Where in the FHS a store path's file would lie. Policies are written for such places; the one
// table of them is in projection.cc.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/contexts.h"
#include "policy/store_path.h"

namespace policy {

struct SeenAs {
  /// Part of the store's own layout: it gets the skeleton's label, wherever else it is seen.
  bool is_skeleton = false;
  /// There is no place for it by its own path (a store path that is a file, a folder that the FHS
  /// does not know): where the root's tree links to it says more than `places` do.
  bool is_guess = false;
  /// At least one, unless is_skeleton; the place of its own directory first.
  std::vector<std::string> places;
};

class Projection {
 public:
  /// A store path that is not named is an ordinary package.
  explicit Projection(const std::vector<StorePath>& store_paths);

  /// `inner` is the path inside the store path, without a slash before it; empty for its top.
  SeenAs see(std::string_view base_name, std::string_view inner, FileType type,
             bool is_executable) const;

 private:
  std::unordered_map<std::string, StorePathRole> roles_;
};

}  // namespace policy
