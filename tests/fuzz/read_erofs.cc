// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/checksum.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/erofs/format.h"
#include "tests/fuzz/any_image.h"

using namespace imagefmt;

namespace {

/// Makes the checksum right, which no change of bytes would get past.
void mend_checksum(std::string& image) {
  if (image.size() < erofs::kBlockSize) return;
  auto& block = *reinterpret_cast<erofs::Superblock*>(image.data() + erofs::kSuperblockOffset);
  block.checksum = 0;
  block.checksum = erofs::checksum(as_bytes(image).subspan(
      erofs::kSuperblockOffset, erofs::kBlockSize - erofs::kSuperblockOffset));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string image(as_text({data, size}));
  mend_checksum(image);
  fuzz::read_any_image(as_bytes(image).data(), image.size(), read_erofs);
  return 0;
}
