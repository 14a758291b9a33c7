// SPDX-License-Identifier: Apache-2.0
#include "policy/level_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "imagefmt/base/error.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;

namespace {

Level parse_level(const PolicyTables& tables, std::string_view text) {
  std::vector<std::string_view> parts = split(text, ':', 2);
  auto sensitivity = tables.sensitivity_ids.find(parts[0]);
  if (sensitivity == tables.sensitivity_ids.end()) {
    throw Error(fmt::format("unknown sensitivity '{}'", parts[0]));
  }
  auto category = [&](std::string_view name) {
    auto found = tables.category_ids.find(name);
    if (found == tables.category_ids.end()) {
      throw Error(fmt::format("unknown category '{}'", name));
    }
    return found->second;
  };
  Level level{sensitivity->second, {}};
  if (parts.size() == 1) return level;
  std::vector<NumberRun> runs;
  for (std::string_view item : split(parts[1], ',')) {
    std::vector<std::string_view> ends = split(item, '.', 2);
    runs.emplace_back(category(ends.front()), category(ends.back()));
    if (runs.back().first > runs.back().second) {
      throw Error(fmt::format("'{}' ends before it begins", item));
    }
  }
  level.categories = join_runs(std::move(runs));
  return level;
}

bool contains(const std::vector<NumberRun>& outer, const std::vector<NumberRun>& inner) {
  return std::ranges::all_of(inner, [&](const NumberRun& run) {
    return std::ranges::any_of(outer, [&](const NumberRun& around) {
      return around.first <= run.first && run.second <= around.second;
    });
  });
}

}  // namespace

std::vector<NumberRun> join_runs(std::vector<NumberRun> runs) {
  std::ranges::sort(runs);
  std::vector<NumberRun> joined;
  for (const NumberRun& run : runs) {
    if (!joined.empty() && run.first <= joined.back().second + 1) {
      joined.back().second = std::max(joined.back().second, run.second);
    } else {
      joined.push_back(run);
    }
  }
  return joined;
}

std::string to_string(const PolicyTables& tables, const Level& level) {
  std::string text = tables.sensitivities[level.sensitivity].name;
  char before = ':';
  for (auto [low, high] : level.categories) {
    text += before + tables.categories[low].name;
    if (high != low) text += '.' + tables.categories[high].name;
    before = ',';
  }
  return text;
}

std::string to_string(const PolicyTables& tables, const LevelRange& range) {
  std::string low = to_string(tables, range.low);
  return range.low == range.high ? low : fmt::format("{} - {}", low, to_string(tables, range.high));
}

LevelRange parse_level_range(const PolicyTables& tables, std::string_view text) {
  return imagefmt::with_context(fmt::format("no range of this policy: '{}'", text), [&] {
    if (!tables.mls) throw Error("the policy has no MLS");
    std::vector<std::string_view> ends = split(text, '-', 2);
    LevelRange range{parse_level(tables, trim(ends.front())),
                     parse_level(tables, trim(ends.back()))};
    if (range.high.sensitivity < range.low.sensitivity ||
        !contains(range.high.categories, range.low.categories)) {
      throw Error("the high level does not dominate the low one");
    }
    return range;
  });
}

}  // namespace policy
