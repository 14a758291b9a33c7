// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "imagefmt/base/bytes.h"

namespace builder {

/// `bytes` compressed as gzip does it, without a name or a time.
std::string gzip(imagefmt::ByteView bytes);

}  // namespace builder
