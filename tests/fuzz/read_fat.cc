// SPDX-License-Identifier: Apache-2.0
//
// FAT32 begins at 34 MB, nearly all of it zeros: of the input, the first two sectors are those of the
// image, 512 bytes more begin each table, and what follows begins the clusters. Where these lie, the boot
// sector says.
#include <algorithm>
#include <cstring>

#include "imagefmt/base/endian.h"
#include "imagefmt/fat/fat.h"
#include "tests/fuzz/any_image.h"

using namespace imagefmt;

namespace {

constexpr size_t kPart = 512;
constexpr uint64_t kImageBytes = 34 << 20;

template <class T>
T field(ByteView boot, size_t offset) {
  T value;
  std::memcpy(&value, boot.data() + offset, sizeof value);
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  if (size < 3 * kPart) return 0;
  const uint64_t sector = field<le16>(input, 11), tables_at = field<le16>(input, 14) * sector,
                 table_bytes = field<le32>(input, 36) * sector,
                 clusters_at = tables_at + 2 * table_bytes;
  UniqueFd memory(memfd_create("image", MFD_CLOEXEC));
  const std::string path = fmt::format("/proc/self/fd/{}", memory.get());
  File image = File::create(path);
  image.resize(kImageBytes);
  auto put = [&](uint64_t offset, ByteView bytes) {
    if (offset < kImageBytes) {
      image.write(offset, bytes.first(std::min<uint64_t>(bytes.size(), kImageBytes - offset)));
    }
  };
  put(clusters_at, input.subspan(3 * kPart));
  put(tables_at + table_bytes, input.subspan(2 * kPart, kPart));
  put(tables_at, input.subspan(2 * kPart, kPart));
  put(6 * kPart, input.first(2 * kPart));  // the copy
  put(0, input.first(2 * kPart));
  fuzz::read_open_image(
      path, [](const std::shared_ptr<const File>& file, auto) { return read_fat(file); });
  return 0;
}
