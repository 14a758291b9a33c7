// SPDX-License-Identifier: Apache-2.0
//
// The compressors of the formats that compress, as options name them.
#pragma once

#include <string>
#include <string_view>

namespace imagefmt {

enum class Compression { kNone, kZstd, kXz, kGzip, kLz4 };

/// Throws `unknown compression 'x': expected zstd, xz, gzip, lz4 or none`.
Compression parse_compression(std::string_view name);
/// The name that parse_compression() takes.
std::string_view name_of(Compression compression);
/// `zstd 1.5.4`: with the version of the library, which decides what it makes of a block; `none`.
std::string versioned_name(Compression compression);

}  // namespace imagefmt
