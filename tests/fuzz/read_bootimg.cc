// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "imagefmt/android/boot_image.h"

using namespace imagefmt;

namespace {

std::string serialize(const BootImage& image) {
  return serialize_boot_image(image);
}
std::string serialize(const VendorBootImage& image) {
  return serialize_vendor_boot_image(image);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView bytes(data, size);
  try {
    Faults faults;
    const ParsedBootImage parsed = parse_boot_image(bytes, faults);
    if (!faults.empty()) return 0;
    const std::string again =
        std::visit([](const auto& image) { return serialize(image); }, parsed.image);
    if (again != as_text(bytes.first(parsed.size_bytes))) abort();
  } catch (const Error&) {
  }
  return 0;
}
