// SPDX-License-Identifier: Apache-2.0
//
// Names as firmware's formats hold them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imagefmt {

using Utf16 = std::vector<uint16_t>;

/// Nothing if `text` is no UTF-8.
std::optional<Utf16> to_utf16(std::string_view text);
/// Half pairs become U+FFFD.
std::string to_utf8(const Utf16& units);

}  // namespace imagefmt
