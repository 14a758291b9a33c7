// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "imagefmt/depthcharge/kernel_partition.h"

using namespace imagefmt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  try {
    const depthcharge::KernelPartition partition = depthcharge::parse_kernel_partition(bytes);
    if (partition.body.kernel.size() > size) abort();
  } catch (const Error&) {
  }
  try {
    const depthcharge::Body body =
        depthcharge::split_bzimage(as_text(bytes), "kernel", as_text(bytes), "quiet");
    if (body.parameters.size() != 4096) abort();
  } catch (const Error&) {
  }
  return 0;
}
