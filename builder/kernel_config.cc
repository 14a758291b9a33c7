// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;

namespace {

constexpr std::string_view kPrefix = "CONFIG_";
constexpr std::string_view kUnset = " is not set";
constexpr size_t kMaxFaults = 50;  // what is no configuration at all has one in every line

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
  }
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

/// The inside of a quoted string; a backslash protects what follows it.
std::string unquote(std::string_view quoted) {
  std::string text;
  for (size_t i = 1; i < quoted.size(); ++i) {
    if (quoted[i] == '"') {
      if (i + 1 != quoted.size()) break;
      return text;
    }
    if (quoted[i] == '\\' && ++i == quoted.size()) break;
    text += quoted[i];
  }
  throw Error(
      fmt::format("expected a string up to the end of the line, found {}", in_quotes(quoted)));
}

std::optional<std::string> parse_value(std::string_view text) {
  if (text == "n") return std::nullopt;
  if (text.starts_with('"')) return unquote(text);
  // An empty value is that of a number without a default.
  if (text == "y" || text == "m" || text.empty() || is_number(text)) return std::string(text);
  throw Error(fmt::format("expected y, m, n, a number or a string, found {}", in_quotes(text)));
}

/// No value for a line that says nothing: an empty one, or a comment.
std::optional<ConfigEntry> parse_line(std::string_view line) {
  std::optional<ConfigEntry> entry;
  if (line.starts_with("# CONFIG_") && line.ends_with(kUnset)) {
    line.remove_prefix(2 + kPrefix.size());
    line.remove_suffix(kUnset.size());
    entry = {std::string(line), std::nullopt};
  } else if (line.empty() || line.starts_with('#')) {
    return std::nullopt;
  } else {
    const size_t equals = line.find('=');
    if (!line.starts_with(kPrefix) || equals == line.npos) {
      throw Error(fmt::format("expected CONFIG_…=…, found {}", in_quotes(line)));
    }
    entry = {std::string(line.substr(kPrefix.size(), equals - kPrefix.size())),
             parse_value(line.substr(equals + 1))};
  }
  if (!is_config_symbol(entry->symbol)) {
    throw Error(fmt::format("{} is no name of an option", in_quotes(entry->symbol)));
  }
  return entry;
}

}  // namespace

bool is_config_symbol(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  });
}

KernelConfig KernelConfig::parse(std::string_view text, std::string_view name) {
  struct Numbered {
    ConfigEntry entry;
    size_t line;
  };
  std::vector<Numbered> found;
  Faults faults;
  LineReader lines(text);
  for (std::string_view line; faults.messages().size() < kMaxFaults && lines.next(line);) {
    try {
      if (std::optional<ConfigEntry> entry = parse_line(line)) {
        found.push_back({std::move(*entry), lines.number()});
      }
    } catch (const Error& error) {
      faults.add(fmt::format("{}:{}: {}", name, lines.number(), error.what()));
    }
  }
  auto symbol = [](const Numbered& one) -> std::string_view { return one.entry.symbol; };
  std::ranges::stable_sort(found, {}, symbol);
  KernelConfig config;
  for (size_t i = 0; i < found.size(); ++i) {
    if (i > 0 && symbol(found[i - 1]) == symbol(found[i])) {
      faults.add(fmt::format("{}:{}: CONFIG_{} is there twice, first in line {}", name,
                             found[i].line, symbol(found[i]), found[i - 1].line));
    }
  }
  faults.throw_if_any();
  for (Numbered& one : found) config.entries_.push_back(std::move(one.entry));
  return config;
}

const ConfigEntry* KernelConfig::find(std::string_view symbol) const {
  auto at = std::ranges::lower_bound(entries_, symbol, {}, [](const ConfigEntry& entry) {
    return std::string_view(entry.symbol);
  });
  return at != entries_.end() && at->symbol == symbol ? &*at : nullptr;
}

std::optional<std::string> KernelConfig::value(std::string_view symbol) const {
  const ConfigEntry* entry = find(symbol);
  return entry ? entry->value : std::nullopt;
}

}  // namespace builder
