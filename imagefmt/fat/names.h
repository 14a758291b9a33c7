// SPDX-License-Identifier: Apache-2.0
//
// The two names of a file: the one people gave it, in UTF-16, and eight and three capitals.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/utf16.h"
#include "imagefmt/fat/format.h"

namespace imagefmt::fat {

using ShortName = std::array<char, 11>;

/// Why the format cannot hold a name; empty if it can.
std::string name_fault(std::string_view name);

/// Names that firmware takes for one have the same folded text.
std::string folded(std::string_view name);

/// The name as it is, if it is one of at most eight and three capitals.
std::optional<ShortName> as_short_name(std::string_view name);
/// `NAME~1.EXT`, with the first number that is not among `taken`. REQUIRES: no name_fault().
ShortName make_short_name(std::string_view name, const std::set<ShortName>& taken);
uint8_t checksum_of(const ShortName& name);

/// The slots that precede the one of the short name; none if both names are one.
std::vector<LongNameSlot> serialize_long_name(std::string_view name, const ShortName& short_name);

/// The name that a short one stands for.
std::string text_of(const ShortName& name, uint8_t lower_case);

}  // namespace imagefmt::fat
