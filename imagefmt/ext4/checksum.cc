// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/checksum.h"

// Its header gives names to macros that are also ours; no other file of this folder includes it.
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

namespace imagefmt::ext4 {

uint32_t crc32c(uint32_t sum, ByteView bytes) {
  return ext2fs_crc32c_le(sum, bytes.data(), bytes.size());
}

NameHash hash_name(const Seeds& seeds, std::string_view name) {
  NameHash hash;
  const errcode_t failure =
      ext2fs_dirhash2(EXT2_HASH_HALF_MD4_UNSIGNED, name.data(), static_cast<int>(name.size()),
                      nullptr, 0, seeds.hash, &hash.major, &hash.minor);
  if (failure) throw Error(fmt::format("cannot hash the name '{}': error {}", name, failure));
  return hash;
}

}  // namespace imagefmt::ext4
