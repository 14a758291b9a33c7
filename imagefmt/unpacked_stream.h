// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "imagefmt/byte_stream.h"

namespace imagefmt {

/// The names of what unpacked_stream() takes, for messages.
std::string unpacked_compressions();

/// What `packed` unpacks to. `compression` is xz, zstd, bzip2, gzip or lz4; null if it is none of
/// them. Reading throws what libarchive says of data that are damaged or cut short. REQUIRES:
/// `packed` outlives it.
std::unique_ptr<ByteStream> unpacked_stream(ByteStream& packed, std::string_view compression);

}  // namespace imagefmt
