// SPDX-License-Identifier: Apache-2.0
#include "policy/similar.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace policy {

namespace {

constexpr size_t kMostMentioned = 3;

/// Levenshtein's distance: insertions, deletions and replacements of bytes.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      size_t replaced = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string mention_similar(std::string_view name, const std::vector<std::string>& names) {
  if (name.size() > 256) return {};
  std::vector<std::pair<size_t, std::string>> near;
  for (const std::string& candidate : names) {
    if (candidate.size() > 2 * name.size() + 2) continue;
    size_t distance = edit_distance(name, candidate);
    if (distance <= std::max<size_t>(2, name.size() / 4) && distance < candidate.size()) {
      near.emplace_back(distance, candidate);
    }
  }
  if (near.empty()) return {};
  std::ranges::sort(near);
  std::string text = " (did you mean ";
  for (size_t i = 0; i < near.size() && i < kMostMentioned; ++i) {
    if (i) text += " or ";
    text += fmt::format("'{}'", near[i].second);
  }
  return text + "?)";
}

}  // namespace policy
