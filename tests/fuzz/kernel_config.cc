// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_config.h"

#include <cstdlib>

#include "builder/kernel_check.h"
#include "imagefmt/base/bytes.h"
#include "imagefmt/base/error.h"

using namespace builder;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  KernelTarget target;
  target.version = policy::KernelVersion{6, 1, 0};
  static const KernelRequirements requirements = kernel_table().select(target);
  try {
    const KernelConfig config = KernelConfig::parse(imagefmt::as_text({data, size}), ".config");
    const KernelVerdict verdict =
        check_kernel(config, requirements, {*target.version, {}, nullptr});
    if (verdict.met + verdict.findings.size() > requirements.options.size() + 20) abort();
    verdict_text(verdict);
    verdict_json(verdict);
  } catch (const imagefmt::Error&) {
  }
  return 0;
}
