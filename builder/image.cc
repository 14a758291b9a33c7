// SPDX-License-Identifier: Apache-2.0
#include "builder/image.h"

#include <array>

#include "imagefmt/base/digest.h"
#include "imagefmt/base/file.h"
#include "imagefmt/squashfs/squashfs.h"

namespace builder {

imagefmt::FileTree read_image(const std::string& path) {
  auto file = std::make_shared<const imagefmt::File>(imagefmt::File::open_for_reading(path));
  std::array<uint8_t, 4> magic{};
  (void)file->read_some(0, magic);
  if (imagefmt::as_text(magic) == "hsqs") return imagefmt::read_squashfs(std::move(file));
  throw imagefmt::Error(fmt::format("cannot read image '{}': not a squashfs (magic {})", path,
                                    imagefmt::to_hex(magic)));
}

}  // namespace builder
