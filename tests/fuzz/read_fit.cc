// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "imagefmt/uboot/fit.h"

using namespace imagefmt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  try {
    uboot::compatible_of_device_tree(bytes);
  } catch (const Error&) {
  }
  uboot::Fit fit;
  try {
    fit = uboot::parse_fit(bytes);
  } catch (const Error&) {
    return 0;
  }
  // What was read can be written, and is then read as the same.
  if (uboot::parse_fit(as_bytes(uboot::serialize_fit(fit))) != fit) abort();
  return 0;
}
