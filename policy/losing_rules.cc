// SPDX-License-Identifier: Apache-2.0
#include "policy/losing_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace policy {
namespace {

bool fits(const ContextRule& rule, FileType type) {
  return rule.type == FileType::kAny || rule.type == type;
}

bool is_same(const ContextRule& a, const ContextRule& b) {
  return a.file == b.file && a.line == b.line;
}

/// The one rule that comes first at a place, against what decided elsewhere.
std::string why_place_lost(const ContextRule& rule, const std::string& place,
                           const Explanation& explanation) {
  if (explanation.reason == Explanation::Reason::kLabelRule) return "a label rule labels it";
  if (explanation.reason == Explanation::Reason::kSkeleton) {
    return fmt::format("this is the store's own layout, which is labelled as '{}' is",
                       explanation.place);
  }
  const ContextRule& winner = *explanation.rule;
  if (winner.is_literal && !rule.is_literal) {
    return "of another place: a regular expression, and the winner is plain text";
  }
  if (winner.is_literal == rule.is_literal && winner.prefix_bytes > rule.prefix_bytes) {
    return fmt::format("of another place: a shorter stem ({} bytes, the winner's has {})",
                       rule.prefix_bytes, winner.prefix_bytes);
  }
  auto is_link = [&](const std::string& one) {
    return std::ranges::find(explanation.links, one) != explanation.links.end();
  };
  if (is_link(explanation.place) && !is_link(place)) {
    return "of a guessed place: where the root links to it counts more";
  }
  if (is_link(place) && !is_link(explanation.place)) {
    return "of a link of the root, whose rule would have to be more specific";
  }
  return "of another place, which stands behind the winner's";
}

/// One that fits, but stands behind `first` at its place.
std::string why_behind(const ContextRule& rule, const ContextRule& first) {
  return first.is_literal && !rule.is_literal
             ? "a regular expression, and plain text matches the same place"
             : "a later rule matches the same place";
}

}  // namespace

std::vector<LosingRule> find_losing_rules(const imagefmt::Node& node, const LabelInput& input,
                                          const Explanation& explanation) {
  const FileType type = type_of(node);
  std::vector<LosingRule> losers;
  auto add_place = [&](const std::string& place) {
    const ContextRule* first = nullptr;
    for (const ContextRule* rule : input.contexts.matches(place)) {
      std::string why;
      if (!fits(*rule, type)) {
        why = fmt::format("of another file type: for a {}, and this is a {}", type_name(rule->type),
                          type_name(type));
      } else if (first) {
        why = why_behind(*rule, *first);
      } else if (input.project_store && is_catch_all(*rule)) {
        why = "the catch-all, which counts as no rule";
      } else {
        why = why_place_lost(*rule, place, explanation);
      }
      if (fits(*rule, type) && !first) first = rule;
      if (explanation.rule && is_same(*rule, *explanation.rule)) continue;
      losers.push_back({rule, place, std::move(why)});
    }
  };
  // Of the skeleton, the place is the one that lends it its label; a label rule needs none.
  if (explanation.reason == Explanation::Reason::kRule ||
      explanation.reason == Explanation::Reason::kFolder) {
    add_place(explanation.place);
  }
  for (const std::string& place : explanation.other_places) add_place(place);
  return losers;
}

}  // namespace policy
