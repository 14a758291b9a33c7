// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/squashfs.h"
#include "tests/fuzz/read_image.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tests::read_image(imagefmt::as_text({data, size}), imagefmt::read_squashfs);
  return 0;
}
