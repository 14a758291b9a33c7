// SPDX-License-Identifier: Apache-2.0
//
// Private: the best rule for a path, of all rules at once. Rules that match one string only lie in
// a hash table; those that RE2 can express in one automaton for each stem; the rest is PCRE2's.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/contexts.h"

namespace policy {

class RuleMatcher {
 public:
  /// Keeps pointers into `rules`. Adds `(rule, what is wrong)` for each pattern that is none.
  struct BadPattern {
    uint32_t rule;
    std::string reason;
  };
  RuleMatcher(std::span<const ContextRule> rules, std::vector<BadPattern>& bad);
  RuleMatcher(const RuleMatcher&) = delete;
  RuleMatcher& operator=(const RuleMatcher&) = delete;
  ~RuleMatcher();

  /// `key` is not empty, has no NUL, and is what the rules are written for: normalised,
  /// substituted. Null if no rule matches. Throws where PCRE2 gives up on a rule.
  const ContextRule* best(std::string_view key, FileType type) const;

  /// Every rule that matches, of any type, the highest rank first. Tries one after the other.
  std::vector<const ContextRule*> all(std::string_view key) const;

 private:
  using Rank = int32_t;  // of two rules that match, that of the higher rank wins
  struct Group;
  struct Patterns;

  const ContextRule& at(Rank rank) const { return rules_[rule_of_rank_[rank]]; }
  bool fits(Rank rank, FileType type) const {
    FileType own = at(rank).type;
    return own == FileType::kAny || type == FileType::kAny || own == type;
  }
  void add_exact(std::string_view text, Rank rank);
  bool pcre_matches(Rank rank, std::string_view key) const;
  Rank best_exact(std::string_view key, std::string_view stem, FileType type) const;
  Rank best_translated(const Group& group, std::string_view key, FileType type, Rank best) const;
  Rank best_by_pcre(const Group& group, std::string_view key, FileType type, Rank best) const;

  std::span<const ContextRule> rules_;
  std::vector<uint32_t> rule_of_rank_;
  std::unique_ptr<Patterns> patterns_;
  // The highest rank of a string; chain_ leads to the next lower one of the same string.
  std::unordered_map<std::string_view, Rank> exact_;
  std::vector<Rank> chain_;
  std::unordered_map<std::string_view, std::unique_ptr<Group>> groups_;  // by stem; "" for none
};

}  // namespace policy
