// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "imagefmt/uboot/script.h"

using namespace imagefmt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  try {
    const std::string again = uboot::serialize_script(uboot::parse_script(bytes));
    if (again != as_text(bytes.first(again.size()))) abort();
  } catch (const Error&) {
  }
  return 0;
}
