// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "imagefmt/base/bytes.h"

namespace builder {

/// `bytes` compressed as gzip does it, without a name or a time.
std::string gzip(imagefmt::ByteView bytes);
/// As `xz --format=lzma` does it, whose memory firmware can afford.
std::string lzma(imagefmt::ByteView bytes);

}  // namespace builder
