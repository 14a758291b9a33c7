// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_image.h"

#include <cstdlib>

#include "imagefmt/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    std::string release = builder::kernel_release({data, size}, "kernel");
    // It becomes a file name.
    if (release.empty() || release.size() > 64 || release.find('/') != release.npos) abort();
  } catch (const imagefmt::Error&) {
  }
  builder::kernel_config({data, size});
  return 0;
}
