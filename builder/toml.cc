// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "builder/private_toml.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;

toml::table parse_toml(std::string_view text, std::string_view file) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}:{}: malformed TOML: {}", file, error.source().begin.line,
                            error.description()));
  }
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::floating_point:
      return "a float";
    default:
      return "a date or time";
  }
}

std::string text_in(const toml::node& node) {
  std::optional<std::string> text = node.value_exact<std::string>();
  if (!text) throw Error(fmt::format("expected a string, found {}", type_name(node)));
  if (text->empty()) throw Error("it is empty");
  if (has_control_character(*text)) {
    throw Error(fmt::format("a control character in {}", in_quotes(*text)));
  }
  return std::move(*text);
}

}  // namespace builder
