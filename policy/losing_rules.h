// SPDX-License-Identifier: Apache-2.0
//
// Why a rule of file_contexts that matches a path does not give it its label.
#pragma once

#include <string>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/label.h"

namespace policy {

struct LosingRule {
  const ContextRule* rule = nullptr;  // of input.contexts
  std::string place;                  // that it matches
  std::string why;                    // in words, as they stand in losing_rules.cc
};

/// Every rule that matches a place of `explanation`, the one that decided left out: place after
/// place, that of the winner first, and of each the rules that come first there. A rule that
/// matches several places is there as often. `explanation` is what explain() gives for `node`.
std::vector<LosingRule> find_losing_rules(const imagefmt::Node& node, const LabelInput& input,
                                          const Explanation& explanation);

}  // namespace policy
