// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace policy {

/// For the end of a message about a name that does not exist: ` (did you mean 'x' or 'y'?)`, with
/// up to three of `names` that are a slip of the keyboard away; empty if none is.
std::string mention_similar(std::string_view name, const std::vector<std::string>& names);

}  // namespace policy
