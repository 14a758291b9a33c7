// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// XXH3, 64 bits of it: finds damage, not malice, at the speed of memory.
uint64_t xxh3(ByteView bytes);

}  // namespace imagefmt
