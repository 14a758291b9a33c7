// SPDX-License-Identifier: Apache-2.0
//
// The labels of a tree: what lies in the store as it would be labelled at its place in the FHS,
// everything else by its own path.
//
// Which rule counts, in this order:
//   - of what lies in the store, what policy/nixos/store.rules says there: a label rule that labels
//     it, else its places and the links of the root to it (sightings.h) against the contexts. Two
//     links of equal standing that disagree are an error;
//   - the skeleton of the store (`/nix`, `/nix/store`, and what label rules call so) and links at
//     the root's top that no rule with `-l` speaks of (`/bin`, `/usr`): what `/nix/store` gets, which
//     is policy/nixos/store.cil's; without that module, what `/usr` gets;
//   - `<<none>>`: the label of the folder that it lies in, as if it had been made there. So `/proc`,
//     a mount point that the policy leaves alone, gets the label of `/`;
//   - the catch-all `/.*` is no rule, and a path with no rule is an error.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imagefmt/base/reporter.h"
#include "imagefmt/tree.h"
#include "policy/contexts.h"
#include "policy/label_rules.h"
#include "policy/store_path.h"

namespace policy {

struct LabelInput {
  FileContexts contexts;
  /// What the store holds; a store path that is not named is an ordinary package.
  std::vector<StorePath> store_paths;
  /// Of a type alone, the context is `system_u:object_r:TYPE`, with `:s0` if those of `contexts`
  /// have ranges.
  LabelRules label_rules;
  /// False: every path is matched as it is, also by a catch-all, and only `<<none>>` is special.
  bool project_store = true;
  /// Whether the policy knows a context; asked once for each, on the calling thread. Empty: all do.
  std::function<bool(std::string_view)> context_is_valid;
  unsigned jobs = 1;  // threads; 0: one a core. No result depends on it.
};

/// Counts, for the manifest.
struct LabelReport {
  uint64_t inodes = 0;
  std::map<std::string, uint64_t> by_context;
  std::map<size_t, uint64_t> by_rule;  // by index into contexts.rules()
  /// By index into label_rules.rules(): which it labelled (then no rule of the contexts counts), or
  /// gave a place.
  std::map<size_t, uint64_t> by_label_rule;
  uint64_t by_skeleton = 0;   // of which there is no rule for the path itself
  uint64_t by_folder = 0;     // `<<none>>`
  uint64_t by_catch_all = 0;  // without projection only
};

/// Sets the label of every node. Throws with a line for each path (sorted by path bytes) that has
/// no rule, whose links disagree, or whose context the policy does not know; labels are then
/// undefined. Warns of a user's label rule that no inode needs. All functions here throw first
/// the label rules whose context the policy does not know.
LabelReport label(imagefmt::FileTree& tree, const LabelInput& input, imagefmt::Reporter& reporter);

/// What label() would give one node, and why.
struct ExpectedLabel {
  imagefmt::Label label;                  // empty where there is none
  const ContextRule* rule = nullptr;      // of input.contexts; null where `label_rule` labels it
  const LabelRule* label_rule = nullptr;  // of input.label_rules; as in Explanation
  std::string fault;                      // what label() would throw for this path
};

/// Calls `visit(path, node, expected)` for every node, as imagefmt::walk() does. The tree's own
/// labels do not matter.
void expect_labels(const imagefmt::FileTree& tree, const LabelInput& input,
                   const std::function<void(const std::string&, const imagefmt::Node&,
                                            const ExpectedLabel&)>& visit);

/// `/.*` and the like, which count as no rule where the store is projected.
bool is_catch_all(const ContextRule& rule);

/// How one path of the tree comes to its label.
struct Explanation {
  enum class Reason { kRule, kSkeleton, kFolder, kLabelRule };
  Reason reason = Reason::kRule;
  imagefmt::Label label;
  /// That `rule` was matched against; empty of kLabelRule.
  std::string place;
  /// Of the contexts. Its label is the one that counts, unless it is `<<none>>`; none of kLabelRule.
  std::optional<ContextRule> rule;
  /// The label rule that labelled it (kLabelRule), or that gave it `place`, or called it skeleton.
  /// None outside of the store, and where a link of the root gave it `place`.
  std::optional<LabelRule> label_rule;
  std::vector<std::string> other_places;  // seen at, too
  std::vector<std::string> links;         // where the root's tree links to what lies in the store
};

/// Throws `cannot explain '<path>': …` if nothing stands there, or what label() would throw for it.
Explanation explain(const imagefmt::FileTree& tree, const LabelInput& input, std::string_view path);

}  // namespace policy
