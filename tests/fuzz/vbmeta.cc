// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/android/vbmeta.h"

#include <cstdlib>

using namespace imagefmt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  try {
    const std::string again = serialize_vbmeta(parse_vbmeta(bytes));
    if (again != as_text(bytes.first(again.size()))) abort();
  } catch (const Error&) {
  }
  return 0;
}
