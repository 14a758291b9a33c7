// SPDX-License-Identifier: Apache-2.0
#include "builder/initrd.h"

#include <cstdlib>

#include "imagefmt/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const builder::Initrd initrd = builder::read_initrd({data, size}, "initrd");
    for (const std::string& module : initrd.modules) {
      if (module.empty() || !initrd.carries(module)) abort();
    }
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
