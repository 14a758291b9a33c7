// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "builder/board_words.h"
#include "builder/flash_plan.h"

namespace builder {

using Json = nlohmann::ordered_json;

namespace {

/// A word as a shell reads it.
std::string shell_word(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == word.npos) return std::string(word);
  std::string quoted = "'";
  for (char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + '\'';
}

Json words_of(const std::vector<FlashMethod>& methods) {
  Json words = Json::array();
  for (FlashMethod method : methods) words.push_back(spell(method));
  return words;
}

Json json_of(const FlashStep& step) {
  Json json;
  if (!step.note.empty()) json["note"] = step.note;
  if (step.file) json["file"] = {{"name", step.file->name}, {"text", step.file->text}};
  if (!step.command.empty()) json["command"] = step.command;
  if (step.artifact.empty()) return json;
  json["artifact"] = step.artifact;
  if (!step.partition.empty()) json["partition"] = step.partition;
  if (!step.slot.empty()) json["slot"] = step.slot;
  json["size_bytes"] = step.size_bytes;
  return json;
}

}  // namespace

std::string serialize_flash_script(const FlashPlan& plan) {
  std::string text =
      fmt::format("# {} ({}), by {}; slots: {}\n", plan.board, escape_controls(plan.description),
                  spell(plan.method), spell(plan.slots));
  for (const FlashStep& step : plan.steps) {
    if (!step.note.empty()) {
      text += fmt::format("# {}{}\n", step.command.empty() ? "by hand: " : "",
                          escape_controls(step.note));
    }
    if (step.file) {
      text += fmt::format("cat >{} <<'END'\n{}END\n", step.file->name, step.file->text);
    }
    std::string line;
    for (const std::string& word : step.command)
      line += (line.empty() ? "" : " ") + shell_word(word);
    if (!line.empty()) text += line + '\n';
  }
  for (FlashMethod method : plan.others) {
    text += fmt::format("# or by {0}: --method {0}\n", spell(method));
  }
  return text;
}

std::string serialize_flash_json(const FlashPlan& plan) {
  Json json;
  json["board"] = plan.board;
  json["method"] = spell(plan.method);
  json["other_methods"] = words_of(plan.others);
  json["slots"] = spell(plan.slots);
  json["steps"] = Json::array();
  for (const FlashStep& step : plan.steps) json["steps"].push_back(json_of(step));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace builder
