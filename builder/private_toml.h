// SPDX-License-Identifier: Apache-2.0
//
// Private to the .cc files that read TOML: it includes toml++.
#pragma once

#include <toml++/toml.h>

#include <string_view>

namespace builder {

/// Throws `<file>:<line>: malformed TOML: …`.
toml::table parse_toml(std::string_view text, std::string_view file);

/// `a table`, `an integer` …
std::string_view type_name(const toml::node& node);

/// The string that `node` holds. Throws `expected a string, found …`, and for an empty string or
/// one with control characters.
std::string text_in(const toml::node& node);

}  // namespace builder
