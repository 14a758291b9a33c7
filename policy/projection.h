// SPDX-License-Identifier: Apache-2.0
//
// Private: the label rules (label_rules.h) applied to the files of store paths.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/label_rules.h"

namespace policy {

/// Something in the store: `/nix/store/<base_name>/<inner>`.
struct StoreFile {
  std::string_view base_name;
  std::string_view inner;  // no slash before it; empty: the store path itself
  FileType type = FileType::kAny;
  bool is_executable = false;
};

struct SeenAs {
  /// The rule that gives it a place, or says that it is skeleton; then the `file` rules that took
  /// part.
  std::vector<const LabelRule*> rules;
  /// Where these put it, that of its own folder first; none of a skeleton.
  std::vector<std::string> places;
};

class Projection {
 public:
  /// Selects rules for each entry of `store`, the node of /nix/store, if there is one. A store path
  /// that `store_paths` does not name is an ordinary package. Refers to `rules`.
  Projection(const LabelRules& rules, const std::vector<StorePath>& store_paths,
             const imagefmt::Node* store);

  /// The rule that gives a file its label, null if there is none.
  const LabelRule* find_label(const StoreFile& file) const;

  /// REQUIRES: `file` lies in the store that the constructor got.
  SeenAs see(const StoreFile& file) const;

 private:
  struct Selected {
    std::vector<const LabelRule*> labels, places;
  };
  const Selected& selected_for(const StoreFile& file) const;
  void rename(std::string_view file_name, SeenAs& seen) const;

  std::unordered_map<std::string_view, Selected> selected_;  // keys lie in the tree
  std::vector<const LabelRule*> renamings_;
};

}  // namespace policy
