// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/xxh3.h"

#include <xxhash.h>

namespace imagefmt {

uint64_t xxh3(ByteView bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace imagefmt
