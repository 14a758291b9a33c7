// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/ext4.h"
#include "tests/fuzz/any_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::read_any_image(data, size, imagefmt::read_ext4);
  return 0;
}
