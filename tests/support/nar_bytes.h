// SPDX-License-Identifier: Apache-2.0
//
// NARs by hand, right and wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

/// A number and strings as a NAR has them.
std::string nar_number(uint64_t number);
std::string nar_strings(const std::vector<std::string_view>& strings);

/// The NAR of what follows its magic.
std::string nar_of(const std::vector<std::string_view>& strings);

}  // namespace tests
