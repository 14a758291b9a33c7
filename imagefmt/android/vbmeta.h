// SPDX-License-Identifier: Apache-2.0
//
// Android Verified Boot's vbmeta image, version 1, without a signature: as an unlocked device takes it,
// to switch verification off or to carry what it verifies. After AOSP's libavb (avb_vbmeta_image.h and
// the headers of the descriptors); the bytes are those of `avbtool make_vbmeta_image`. All functions are
// pure.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "imagefmt/base/digest.h"

namespace imagefmt {

enum VbmetaFlag : uint32_t {
  kHashtreeDisabled = 1,      // no dm-verity
  kVerificationDisabled = 2,  // no descriptor is looked at
};

struct VbmetaProperty {
  std::string key, value;
  friend bool operator==(const VbmetaProperty&, const VbmetaProperty&) = default;
};

/// The whole of a partition's image: SHA-256 of the salt and the image.
struct VbmetaHash {
  std::string partition;
  uint64_t image_bytes = 0;
  Bytes salt;
  Digest digest{};
  friend bool operator==(const VbmetaHash&, const VbmetaHash&) = default;
};

using VbmetaDescriptor = std::variant<VbmetaProperty, VbmetaHash>;

struct Vbmeta {
  uint32_t flags = 0;  // of VbmetaFlag
  uint64_t rollback_index = 0;
  uint32_t rollback_index_location = 0;
  /// Who made it, at most 47 bytes. The default is what avbtool writes, byte for byte.
  std::string release = "avbtool 1.3.0";
  std::vector<VbmetaDescriptor> descriptors = {};
  friend bool operator==(const Vbmeta&, const Vbmeta&) = default;
};

VbmetaHash hash_of_partition(std::string partition, Bytes salt, ByteView image);

/// Throws for a release or a partition's name that its field cannot hold. The size is a multiple of 64;
/// a partition's rest is padded by who writes it.
std::string serialize_vbmeta(const Vbmeta& vbmeta);

/// Bytes behind the image are ignored. Throws if the image is signed, has descriptors of other kinds, or
/// is not what serialize_vbmeta makes.
Vbmeta parse_vbmeta(ByteView bytes);

}  // namespace imagefmt
