// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_params.h"

#include <fmt/format.h>

#include <algorithm>

#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;

namespace {

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

void check_characters(std::string_view line) {
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if ((byte < ' ' && !is_blank(line[i])) || byte == 0x7f) {
      throw Error(fmt::format(
          "cannot read the kernel parameters: control character {:#04x} at offset {}", byte, i));
    }
  }
}

/// The end of the parameter that starts at `start`: the first blank outside quotes.
size_t find_end(std::string_view line, size_t start) {
  size_t quote = std::string_view::npos;
  for (size_t i = start; i < line.size(); ++i) {
    if (line[i] == '"') {
      quote = quote == std::string_view::npos ? i : std::string_view::npos;
    } else if (is_blank(line[i]) && quote == std::string_view::npos) {
      return i;
    } else if (is_blank(line[i]) && line[i] != ' ' && line[i] != '\t') {
      throw Error(
          fmt::format("cannot read the kernel parameters: line break in quotes at offset {}", i));
    }
  }
  if (quote != std::string_view::npos) {
    throw Error(fmt::format(
        "cannot read the kernel parameters: the quote at offset {} is not closed", quote));
  }
  return line.size();
}

/// Without one quote at either end, as the kernel takes them off: the one at the end goes only if
/// there is one at the start.
std::string_view unquote(std::string_view text) {
  if (text.empty() || text.front() != '"') return text;
  text.remove_prefix(1);
  if (!text.empty() && text.back() == '"') text.remove_suffix(1);
  return text;
}

KernelParam parse_one(std::string_view text) {
  KernelParam param{std::string(text), {}, {}};
  const std::string_view bare = unquote(text);
  // A '=' in the first place starts no value: the kernel looks for one after a name.
  const size_t equals = bare.find('=', 1);
  param.name = bare.substr(0, equals);
  if (equals < bare.size()) param.value = std::string(unquote(bare.substr(equals + 1)));
  return param;
}

}  // namespace

KernelParams parse_kernel_params(std::string_view line) {
  check_characters(line);
  KernelParams result;
  for (size_t start = 0; start < line.size();) {
    if (is_blank(line[start])) {
      ++start;
      continue;
    }
    const size_t end = find_end(line, start);
    const std::string_view text = line.substr(start, end - start);
    start = end;
    if (text == "--") {
      while (start < line.size() && is_blank(line[start])) ++start;
      size_t last = line.size();
      while (last > start && is_blank(line[last - 1])) --last;
      result.init_arguments = line.substr(start, last - start);
      // A line break would end the line that the boot loader reads.
      std::replace_if(result.init_arguments.begin(), result.init_arguments.end(), is_blank, ' ');
      break;
    }
    result.params.push_back(parse_one(text));
  }
  return result;
}

std::string serialize_kernel_params(const KernelParams& params) {
  std::string line;
  for (const KernelParam& param : params.params) {
    if (!line.empty()) line += ' ';
    line += param.text;
  }
  if (!params.init_arguments.empty()) {
    line += line.empty() ? "-- " : " -- ";
    line += params.init_arguments;
  }
  return line;
}

KernelParam make_kernel_param(std::string_view name, std::string_view value) {
  bool blanks = false;
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || byte < ' ' || byte == 0x7f) {
      throw Error(fmt::format(
          "cannot write kernel parameter '{}': its value has a quote or a control character",
          name));
    }
    blanks = blanks || c == ' ';
  }
  const std::string quote = blanks ? "\"" : "";
  return {fmt::format("{}={}{}{}", name, quote, value, quote), std::string(name),
          std::string(value)};
}

KernelParam make_kernel_param(std::string_view name) {
  return {std::string(name), std::string(name), std::nullopt};
}

bool same_kernel_param(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x == '-' ? '_' : x) == (y == '-' ? '_' : y); });
}

std::vector<std::string> kernel_param_values(const KernelParams& params, std::string_view name) {
  std::vector<std::string> values;
  for (const KernelParam& param : params.params) {
    if (param.value && same_kernel_param(param.name, name)) values.push_back(*param.value);
  }
  return values;
}

void remove_kernel_params(KernelParams& params, std::string_view name) {
  auto& all = params.params;
  all.erase(
      std::remove_if(all.begin(), all.end(),
                     [&](const KernelParam& param) { return same_kernel_param(param.name, name); }),
      all.end());
}

}  // namespace builder
