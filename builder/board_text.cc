// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "builder/board_fields.h"

namespace builder {

namespace {

std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {  // control characters were refused when it was read
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + '"';
}

/// Writes each field that is set.
class FieldWriter {
 public:
  std::string text_of_board;

  void text(std::string_view key, const std::string& value, Need, Check = {}) {
    if (!value.empty()) put(key, toml_string(value));
  }
  void list(std::string_view key, const std::vector<std::string>& values, Need need, Check = {}) {
    if (values.empty() && need == Need::kOptional) return;
    std::string inside;
    for (const std::string& value : values) {
      inside += (inside.empty() ? "" : ", ") + toml_string(value);
    }
    put(key, '[' + inside + ']');
  }
  template <class Enum>
  void word(std::string_view key, std::string_view, Enum value, Need) {
    put(key, toml_string(spell(value)));
  }
  template <class Enum>
  void words(std::string_view key, std::string_view, const std::vector<Enum>& values) {
    list(key, spelled(values), Need::kOptional);
  }
  template <class Number>
  void number(std::string_view key, const Number& value, Need, uint64_t) {
    put(key, fmt::format("{}", value));
  }
  template <class Number>
  void number(std::string_view key, const std::optional<Number>& value, uint64_t) {
    if (value) put(key, fmt::format("{}", *value));
  }
  void flag(std::string_view key, bool value) { put(key, value ? "true" : "false"); }

 private:
  template <class Enum>
  static std::vector<std::string> spelled(const std::vector<Enum>& values) {
    std::vector<std::string> words;
    for (Enum value : values) words.emplace_back(spell(value));
    return words;
  }
  void put(std::string_view key, std::string_view value) {
    const size_t dot = key.find('.');
    const std::string_view table = dot == key.npos ? std::string_view() : key.substr(0, dot);
    if (table != table_) text_of_board += fmt::format("\n[{}]\n", table);
    table_ = table;
    text_of_board += fmt::format("{} = {}\n", key.substr(dot == key.npos ? 0 : dot + 1), value);
  }

  std::string_view table_;
};

}  // namespace

std::string serialize_board(const Board& board) {
  FieldWriter writer;
  writer.text("name", board.name, Need::kRequired);
  Board copy = board;
  visit_fields(writer, copy, true);
  return writer.text_of_board;
}

}  // namespace builder
