// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "builder/private_json.h"
#include "imagefmt/base/error.h"

namespace builder {

nlohmann::json parse_json(std::string_view text, std::string_view name) {
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    std::string_view before = text.substr(0, error.byte ? error.byte - 1 : 0);
    size_t line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    size_t column = before.size() - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
    throw imagefmt::Error(fmt::format("{}:{}:{}: malformed JSON", name, line, column));
  }
}

}  // namespace builder
