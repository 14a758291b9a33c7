// SPDX-License-Identifier: Apache-2.0
#include "policy/cil_errors.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "policy/text_lines.h"

namespace policy {

namespace {

constexpr size_t kLongestStatement = 200;

// What libsepol says after the reason, on its way out.
constexpr std::string_view kGeneralities[] = {
    "Failed to resolve AST",     "Failed to build AST",      "Failed to verify cil database",
    "Failed to generate binary", "Failed to build policydb", "Failed to compile cildb",
    "Post process failed",       "Pre post failed",          "Failed to parse",
};

std::string_view take_line(std::string_view& text) {
  size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  while (line.ends_with(' ') || line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

bool is_generality(std::string_view line) {
  return std::ranges::any_of(kGeneralities,
                             [&](std::string_view start) { return line.starts_with(start); });
}

/// The statement at a line of a source, shortened; empty if there is no such line.
std::string_view statement_at(const CilSource& source, uint64_t wanted) {
  std::string_view statement;
  for_each_line(source.text, [&](std::string_view line, size_t number) {
    if (number == wanted) statement = trim(line).substr(0, kLongestStatement);
  });
  return statement;
}

/// `: '(allow a b …)'` for a line that ends in ` at NAME:NUMBER`.
std::string quote_statement(std::string_view line, const std::vector<CilSource>& sources) {
  size_t colon = line.rfind(':');
  if (colon == std::string_view::npos) return {};
  uint64_t number = 0;
  const char* end = line.data() + line.size();
  if (std::from_chars(line.data() + colon + 1, end, number).ptr != end) return {};
  for (const CilSource& source : sources) {
    if (!line.substr(0, colon).ends_with(" at " + source.name)) continue;
    std::string_view statement = statement_at(source, number);
    return statement.empty() ? std::string() : fmt::format(": '{}'", statement);
  }
  return {};
}

/// ` at NAME:NUMBER` of the first statement with this keyword: libsepol does not say where.
std::string find_keyword(std::string_view keyword, const std::vector<CilSource>& sources) {
  std::string place;
  for (const CilSource& source : sources) {
    for_each_line(source.text, [&](std::string_view line, size_t number) {
      if (!place.empty()) return;
      line = line.substr(0, line.find(';'));
      for (size_t at = line.find('('); at != std::string_view::npos; at = line.find('(', at + 1)) {
        std::string_view rest = trim(line.substr(at + 1));
        if (rest.substr(0, rest.find_first_of(" \t()")) == keyword) {
          place = fmt::format(" at {}:{}", source.name, number);
          return;
        }
      }
    });
  }
  return place;
}

}  // namespace

std::vector<std::string> explain_cil_errors(std::string_view printed,
                                            const std::vector<CilSource>& sources) {
  constexpr std::string_view kUnknownKeyword = "Error: Unknown keyword ";
  std::vector<std::string> messages;
  std::string message;
  auto finish = [&] {
    if (!message.empty()) messages.push_back(std::move(message));
    message.clear();
  };
  while (!printed.empty()) {
    std::string_view line = take_line(printed);
    if (line.empty()) {
      finish();
      continue;
    }
    if (is_generality(line)) continue;
    bool indented = line.starts_with(' ');
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line == "<root>") continue;
    if (!message.empty()) message += indented ? " " : "; ";
    message += line;
    // An indented line follows where libsepol shows the statement itself.
    if (!printed.starts_with(' ')) message += quote_statement(line, sources);
    if (line.starts_with(kUnknownKeyword)) {
      message += find_keyword(line.substr(kUnknownKeyword.size()), sources);
    }
  }
  finish();
  return messages;
}

}  // namespace policy
