// SPDX-License-Identifier: Apache-2.0
#include "builder/bootspec.h"

#include <cstdlib>

#include "imagefmt/base/bytes.h"
#include "imagefmt/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = imagefmt::as_text({data, size});
  builder::split_kernel_params(text);
  try {
    builder::Bootspec spec = builder::parse_bootspec(text, "boot.json");
    // It goes on into system calls and into one line of a boot loader.
    if (spec.kernel.find('\0') != spec.kernel.npos) abort();
    for (const std::string& param : spec.kernel_params) {
      if (param.find('\n') != param.npos) abort();
    }
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
