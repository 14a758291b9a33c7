// SPDX-License-Identifier: Apache-2.0
//
// Private to the .cc files that read JSON: it includes nlohmann's header.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace builder {

/// Throws `<name>:<line>:<column>: malformed JSON`.
nlohmann::json parse_json(std::string_view text, std::string_view name);

}  // namespace builder
