// SPDX-License-Identifier: Apache-2.0
//
// Private: the rule that counts for one node of a tree. label.h says which one that is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/label.h"
#include "policy/projection.h"
#include "policy/sightings.h"

namespace policy {

struct Choice {
  Explanation::Reason reason = Explanation::Reason::kRule;
  const ContextRule* rule = nullptr;      // null of kLabelRule
  const LabelRule* label_rule = nullptr;  // of kLabelRule; else what put it at `place`, if one did
  std::string place = {};                 // that `rule` was matched against
  std::vector<const LabelRule*> fitting = {};  // every label rule that took part
};

class Labeller {
 public:
  /// Refers to both. Throws the label rules whose context the policy does not know.
  Labeller(const imagefmt::FileTree& tree, const LabelInput& input);

  /// Throws an Error that names the path if there is no label for it.
  Choice choose(const std::string& path, const imagefmt::Node& node) const;

  /// The label of a node whose folder has `folder`, and the choice that led to it.
  imagefmt::Label label_by(const Choice& choice, const std::string& path,
                           const imagefmt::Label& folder) const;

  std::vector<std::string> places_of(const std::string& path, const imagefmt::Node& node) const;
  /// Where the root's tree links to it.
  std::vector<std::string> links_to(const imagefmt::Node& node) const;
  bool counts_as_catch_all(const ContextRule& rule) const;
  /// What a rule that labels gives.
  const imagefmt::Label& label_of(const LabelRule& rule) const;

 private:
  /// A rule and the place that it was found for; none where only the catch-all speaks.
  struct Candidate {
    const ContextRule* rule = nullptr;
    const std::string* place = nullptr;
  };

  void examine_rules();
  void examine_label_rules();
  bool in_store(std::string_view path) const;
  const ContextRule* find_rule(std::string_view place, FileType type) const;
  Choice choose_rule(const std::string& path, const imagefmt::Node& node) const;
  Choice choose_for_store(const std::string& path, const imagefmt::Node& node) const;
  Choice choose_place(const std::string& path, const imagefmt::Node& node,
                      const SeenAs& seen) const;
  Candidate best_of(const std::vector<std::string>& places, FileType type) const;
  void check_agreement(const std::string& path, const std::vector<std::string>& places,
                       const Candidate& best, FileType type) const;
  Choice skeleton(const std::string& path, const LabelRule* by = nullptr) const;
  [[noreturn]] void throw_no_rule(const std::string& path, const std::vector<std::string>& places,
                                  FileType type) const;

  const LabelInput& input_;
  const FileContexts& contexts_;
  Projection projection_;
  Sightings sightings_;
  std::vector<bool> is_catch_all_, is_valid_;  // by rule
  std::vector<imagefmt::Label> labels_;        // by label rule
  const ContextRule* skeleton_ = nullptr;
};

}  // namespace policy
