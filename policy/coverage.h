// SPDX-License-Identifier: Apache-2.0
//
// How well a policy's file_contexts knows a tree: what each rule decides, what only a catch-all speaks
// of, and which rules decide nothing.
//
// A catch-all is a rule that answers for a name that no rule can mean: the byte 0x7f, directly in one
// of the FHS's places (`/etc`, `/usr/bin`, `/usr/share` …; coverage.cc has the list), asked with each
// file type. So `/usr/.*` and `/usr/(.*/)?lib(/.*)?` are catch-alls; `/usr/share/man(/.*)?` and
// `/etc/ssh/.*` are not, since they speak of something. What is plain text or gives `<<none>>` never is.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/contexts.h"
#include "policy/label.h"

namespace policy {

/// By index into contexts.rules().
std::vector<bool> find_catch_alls(const FileContexts& contexts);

struct Coverage {
  struct CaughtPath {
    std::string path;
    size_t rule;  // the catch-all that decides
  };
  uint64_t inodes = 0;
  std::map<std::string, uint64_t> by_label;  // adds up to `inodes`
  /// Which rule decides, by index into contexts.rules() (`<<none>>` counts) and into
  /// label_rules.rules(); both add up to `inodes`.
  std::vector<uint64_t> by_rule, by_label_rule;
  std::vector<bool> is_catch_all;  // by index into contexts.rules()
  std::vector<CaughtPath> caught;  // in the order of imagefmt::walk()
};

/// Of a tree that label() has labelled by the same input. Labels nothing.
Coverage measure_coverage(const imagefmt::FileTree& tree, const LabelInput& input);

}  // namespace policy
