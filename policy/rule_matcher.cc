// SPDX-License-Identifier: Apache-2.0
#include "policy/rule_matcher.h"

#include <re2/set.h>

#include <algorithm>
#include <deque>

#include "policy/pattern.h"
#include "policy/pcre.h"

namespace policy {
namespace {

constexpr int32_t kNone = -1;
// States of an automaton are made as paths ask for them, and dropped when this is used up. One
// automaton of refpolicy needs a few MB.
constexpr int64_t kAutomatonBytes = int64_t{64} << 20;
constexpr int64_t kAllAutomataBytes = int64_t{1} << 30;
constexpr int64_t kLeastAutomatonBytes = int64_t{1} << 20;

RE2::Options automaton_options(int64_t memory_bytes) {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(memory_bytes);
  return options;
}

/// Nothing to translate: a proof of an image has a million such rules.
bool is_plain(const ContextRule& rule) {
  return rule.is_literal && rule.pattern.find_first_of("\\)") == std::string::npos;
}

}  // namespace

/// The rules of one stem, that are neither a string nor without a stem.
struct RuleMatcher::Group {
  std::vector<std::pair<std::string, Rank>> translated;
  std::unique_ptr<RE2::Set> set;
  std::vector<Rank> rank_of_index;  // of the set
  Rank highest_in_set = kNone;
  std::vector<Rank> by_pcre;  // the highest first
};

struct RuleMatcher::Patterns {
  std::deque<std::string> strings;  // that exact_ looks into
  std::vector<PcreCode> codes;      // by rank; null where the automaton answers
};

RuleMatcher::~RuleMatcher() = default;

RuleMatcher::RuleMatcher(std::span<const ContextRule> rules, std::vector<BadPattern>& bad)
    : rules_(rules), patterns_(std::make_unique<Patterns>()) {
  for (bool literal : {false, true}) {
    for (uint32_t i = 0; i < rules.size(); ++i) {
      if (rules[i].is_literal == literal) rule_of_rank_.push_back(i);
    }
  }
  patterns_->codes.resize(rules.size());
  exact_.reserve(static_cast<size_t>(std::count_if(rules.begin(), rules.end(), is_plain)));
  chain_.assign(rules.size(), kNone);

  for (Rank rank = 0; rank < static_cast<Rank>(rules.size()); ++rank) {
    const ContextRule& rule = at(rank);
    if (is_plain(rule)) {
      add_exact(rule.pattern, rank);
      continue;
    }
    std::optional<TranslatedPattern> translated = translate_pattern(rule.pattern);
    if (!translated || translated->maybe_too_large) {
      try {
        patterns_->codes[rank] = compile_pcre(rule.pattern);
      } catch (const imagefmt::Error& error) {
        bad.push_back({rule_of_rank_[rank], error.what()});
        continue;
      }
    }
    if (translated && translated->only_string) {
      std::string_view text = rule.pattern;
      if (*translated->only_string != text) {
        text = patterns_->strings.emplace_back(std::move(*translated->only_string));
      }
      add_exact(text, rank);
      continue;
    }
    std::unique_ptr<Group>& group = groups_[rule_stem(rule.pattern)];
    if (!group) group = std::make_unique<Group>();
    if (translated) {
      group->translated.emplace_back(std::move(translated->re2), rank);
    } else {
      group->by_pcre.push_back(rank);
    }
  }

  const RE2::Options options =
      automaton_options(std::clamp(kAllAutomataBytes / static_cast<int64_t>(groups_.size() + 1),
                                   kLeastAutomatonBytes, kAutomatonBytes));
  for (auto& [stem, group] : groups_) {
    group->set = std::make_unique<RE2::Set>(options, RE2::ANCHOR_BOTH);
    for (const auto& [re2, rank] : group->translated) {
      if (group->set->Add(re2, nullptr) >= 0) {
        group->rank_of_index.push_back(rank);
      } else {  // too large for RE2, which counts in other ways than PCRE2
        group->by_pcre.push_back(rank);
      }
    }
    if (group->rank_of_index.empty()) {
      group->set.reset();
    } else if (!group->set->Compile()) {
      group->set.reset();
      group->by_pcre.insert(group->by_pcre.end(), group->rank_of_index.begin(),
                            group->rank_of_index.end());
    } else {
      group->highest_in_set = group->rank_of_index.back();
    }
    std::sort(group->by_pcre.begin(), group->by_pcre.end(), std::greater<>());
    for (Rank rank : group->by_pcre) {
      if (!patterns_->codes[rank]) patterns_->codes[rank] = compile_pcre(at(rank).pattern);
    }
    group->translated = {};
  }
}

void RuleMatcher::add_exact(std::string_view text, Rank rank) {
  auto [place, is_new] = exact_.try_emplace(text, rank);
  if (!is_new) chain_[rank] = std::exchange(place->second, rank);
}

const ContextRule* RuleMatcher::best(std::string_view key, FileType type) const {
  const std::string_view stem = path_stem(key);
  Rank best = best_exact(key, stem, type);
  // PCRE2's `$` holds before a newline that ends the subject, too: then the subject without it is
  // another that may match.
  const bool has_newline = key.back() == '\n';
  const std::string_view shorter = key.substr(0, key.size() - 1);
  if (has_newline) best = std::max(best, best_exact(shorter, stem, type));
  for (bool with_stem : {true, false}) {
    if (with_stem && stem.empty()) continue;
    auto group = groups_.find(with_stem ? stem : std::string_view());
    if (group == groups_.end()) continue;
    best = best_translated(*group->second, key, type, best);
    if (has_newline) best = best_translated(*group->second, shorter, type, best);
    best = best_by_pcre(*group->second, key, type, best);
  }
  return best == kNone ? nullptr : &at(best);
}

std::vector<const ContextRule*> RuleMatcher::all(std::string_view key) const {
  const std::string_view stem = path_stem(key);
  std::vector<const ContextRule*> matching;
  for (Rank rank = static_cast<Rank>(rules_.size()) - 1; rank >= 0; --rank) {
    const std::string_view own_stem = rule_stem(at(rank).pattern);
    if ((own_stem.empty() || own_stem == stem) && pcre_matches(rank, key)) {
      matching.push_back(&at(rank));
    }
  }
  return matching;
}

RuleMatcher::Rank RuleMatcher::best_exact(std::string_view key, std::string_view stem,
                                          FileType type) const {
  auto found = exact_.find(key);
  for (Rank rank = found == exact_.end() ? kNone : found->second; rank != kNone;
       rank = chain_[rank]) {
    std::string_view own_stem = rule_stem(at(rank).pattern);
    if (fits(rank, type) && (own_stem.empty() || own_stem == stem)) return rank;
  }
  return kNone;
}

RuleMatcher::Rank RuleMatcher::best_translated(const Group& group, std::string_view key,
                                               FileType type, Rank best) const {
  if (group.highest_in_set <= best) return best;
  std::vector<int> matching;
  RE2::Set::ErrorInfo error{};
  if (group.set->Match({key.data(), key.size()}, &matching, &error)) {
    for (int index : matching) {
      Rank rank = group.rank_of_index[static_cast<size_t>(index)];
      if (rank > best && fits(rank, type)) best = rank;
    }
  } else if (error.kind != RE2::Set::kNoError) {  // out of the automaton's memory: one by one
    for (Rank rank : group.rank_of_index) {
      if (rank <= best || !fits(rank, type)) continue;
      if (matches(*compile_pcre(at(rank).pattern, PCRE2_DOLLAR_ENDONLY), key)) best = rank;
    }
  }
  return best;
}

RuleMatcher::Rank RuleMatcher::best_by_pcre(const Group& group, std::string_view key, FileType type,
                                            Rank best) const {
  for (Rank rank : group.by_pcre) {
    if (rank <= best) break;
    if (fits(rank, type) && pcre_matches(rank, key)) return rank;
  }
  return best;
}

bool RuleMatcher::pcre_matches(Rank rank, std::string_view key) const {
  return imagefmt::with_context(
      fmt::format("cannot match '{}' against '{}'", key, at(rank).pattern), [&] {
        const PcreCode& code = patterns_->codes[rank];
        return code ? matches(*code, key) : matches(*compile_pcre(at(rank).pattern), key);
      });
}

}  // namespace policy
