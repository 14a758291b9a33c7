// SPDX-License-Identifier: Apache-2.0
//
// The proof of a finished image: what was read back from its bytes, judged by the rules and the
// policy. Nothing that made the image is asked.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/exact_contexts.h"
#include "policy/label.h"
#include "policy/policydb.h"

namespace policy {

/// Either a rule for each inode, and an inode for each rule; or the rules of a policy, of which
/// some match nothing. `context_is_valid` of the latter is not asked: the policy is.
using ProofRules = std::variant<ExactContexts, LabelInput>;

/// Reads a file_contexts: a build's own, told by its form, or else any, with what FileContexts::load
/// reads beside it; those are projected onto the store if `project_store`.
ProofRules load_proof_rules(const std::string& file, bool project_store);
uint64_t count_rules(const ProofRules& rules);

struct ProofReport {
  uint64_t inodes = 0;
  uint64_t contexts = 0;  // different labels found
  /// `cannot prove '<path>': …`, sorted by the bytes of the paths; what concerns no path comes first.
  std::vector<std::string> faults;
};

/// Judges every inode of a tree that was read from an image: it has a label, which is the one that
/// the rules give; the policy accepts that (asked once for each label); its type is a `file_type`,
/// if the policy has that attribute, and may be on the file system (`allow T FS filesystem
/// associate`). `filesystem` is its name as `fs_use_xattr` has it; without that, a kernel
/// reads no label at all. With exact rules, an inode without a rule and a rule without its inode are
/// faults, too. Throws only for what stands against judging at all.
ProofReport prove(const imagefmt::FileTree& tree, const ProofRules& rules, const PolicyDb& policy,
                  const std::string& filesystem);

}  // namespace policy
