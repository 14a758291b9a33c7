// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "policy/kernel_cil.h"

namespace policy {

Level KernelCilParser::parse_level(CilNode node) {
  if (list(node).size() < 1 || node.size() > 2) refuse(node, "expected a level");
  Level level;
  auto sensitivity = tables_.sensitivity_ids.find(symbol(node[0]));
  if (sensitivity == tables_.sensitivity_ids.end()) {
    refuse(node, fmt::format("unknown sensitivity '{}'", symbol(node[0])));
  }
  level.sensitivity = sensitivity->second;
  auto category = [&](CilNode name) {
    auto found = tables_.category_ids.find(symbol(name));
    if (found == tables_.category_ids.end()) {
      refuse(name, fmt::format("unknown category '{}'", symbol(name)));
    }
    return found->second;
  };
  if (node.size() == 1) return level;
  std::vector<NumberRun> runs;
  for (CilNode item : list(node[1])) {
    if (!item.is_list()) {
      runs.emplace_back(category(item), category(item));
    } else if (item.size() == 3 && symbol(item[0]) == "range") {
      runs.emplace_back(category(item[1]), category(item[2]));
      if (runs.back().first > runs.back().second) refuse(item, "a range whose end comes first");
    } else {
      refuse(item, "expected a category or a range of them");
    }
  }
  level.categories = join_runs(std::move(runs));
  return level;
}

LevelRange KernelCilParser::parse_range(CilNode node) {
  if (list(node).size() != 2) refuse(node, "expected a low and a high level");
  return {parse_level(node[0]), parse_level(node[1])};
}

SecurityContext KernelCilParser::parse_context(CilNode node) {
  if (list(node).size() != 4) refuse(node, "expected user, role, type and range");
  SecurityContext context{
      std::string(symbol(node[0])), std::string(symbol(node[1])), std::string(symbol(node[2])), {}};
  if (tables_.mls) context.range = parse_range(node[3]);
  return context;
}

NumberRun KernelCilParser::parse_number_range(CilNode node) {
  if (!node.is_list()) {
    uint32_t only = number(node, UINT16_MAX);
    return {only, only};
  }
  if (node.size() != 2) refuse(node, "expected a first and a last number");
  return {number(node[0], UINT16_MAX), number(node[1], UINT16_MAX)};
}

void KernelCilParser::take_sid_context(CilNode s) {
  expect_arguments(s, 2);
  tables_.initial_sids.push_back({std::string(symbol(s[1])), parse_context(s[2])});
}

void KernelCilParser::take_fs_use(CilNode s) {
  expect_arguments(s, 3);
  tables_.fs_uses.push_back(
      {std::string(symbol(s[1])), std::string(symbol(s[2])), parse_context(s[3])});
}

void KernelCilParser::take_genfscon(CilNode s) {
  expect_arguments(s, 3, 4);
  Genfscon genfscon{std::string(symbol(s[1])), std::string(symbol(s[2])), "", {}};
  if (s.size() == 5 && symbol(s[3]) != "any") genfscon.file_type = symbol(s[3]);
  genfscon.context = parse_context(s[s.size() - 1]);
  tables_.genfscons.push_back(std::move(genfscon));
}

void KernelCilParser::take_portcon(CilNode s) {
  expect_arguments(s, 3);
  auto [low, high] = parse_number_range(s[2]);
  tables_.portcons.push_back({std::string(symbol(s[1])), low, high, parse_context(s[3])});
}

void KernelCilParser::take_netifcon(CilNode s) {
  expect_arguments(s, 3);
  tables_.netifcons.push_back(
      {std::string(symbol(s[1])), parse_context(s[2]), parse_context(s[3])});
}

void KernelCilParser::take_nodecon(CilNode s) {
  expect_arguments(s, 3);
  auto address = [](CilNode node) {
    if (list(node).size() != 1) refuse(node, "expected an address");
    return std::string(symbol(node[0]));
  };
  tables_.nodecons.push_back({address(s[1]), address(s[2]), parse_context(s[3])});
}

void KernelCilParser::take_ibpkeycon(CilNode s) {
  expect_arguments(s, 3);
  auto [low, high] = parse_number_range(s[2]);
  tables_.ibpkeycons.push_back({std::string(symbol(s[1])), low, high, parse_context(s[3])});
}

void KernelCilParser::take_ibendportcon(CilNode s) {
  expect_arguments(s, 3);
  tables_.ibendportcons.push_back(
      {std::string(symbol(s[1])), number(s[2], UINT8_MAX), parse_context(s[3])});
}

}  // namespace policy
