// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/squashfs.h"
#include "tests/fuzz/any_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::read_any_image(data, size, imagefmt::read_squashfs);
  return 0;
}
