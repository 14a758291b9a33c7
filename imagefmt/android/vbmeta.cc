// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/android/vbmeta.h"

#include <algorithm>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/base/zeros.h"

namespace imagefmt {

namespace {

constexpr std::string_view kMagic = "AVB0";
constexpr std::string_view kHashAlgorithm = "sha256";
constexpr uint64_t kBlockAlignment = 64, kDescriptorAlignment = 8;
/// libavb reads no larger vbmeta image.
constexpr uint64_t kMaxDescriptorBytes = 64 << 10;

struct Range {
  be64 offset;  // in the block that it is of
  be64 size;
};

/// Big-endian, as everything here. Two blocks follow it: the authentication block, with a hash and a
/// signature, and the auxiliary block, with descriptors and a key.
struct Header {
  char magic[4];                 //   0
  be32 major_version;            //   4: of the libavb that can read it
  be32 minor_version;            //   8
  be64 authentication_size;      //  12
  be64 auxiliary_size;           //  20
  be32 algorithm;                //  28: 0: not signed
  Range hash;                    //  32
  Range signature;               //  48
  Range public_key;              //  64
  Range public_key_metadata;     //  80
  Range descriptors;             //  96
  be64 rollback_index;           // 112
  be32 flags;                    // 120
  be32 rollback_index_location;  // 124
  char release[48];              // 128
  uint8_t reserved[80];          // 176
};
static_assert(sizeof(Header) == 256);

struct DescriptorHeader {
  be64 tag;   // 0
  be64 size;  // 8: of what follows
};
constexpr uint64_t kPropertyTag = 0, kHashTag = 2;

struct PropertyHeader {
  be64 key_size;    // 0
  be64 value_size;  // 8
};

struct HashHeader {
  be64 image_bytes;      //  0
  char algorithm[32];    //  8
  be32 partition_size;   // 40: of the names and bytes that follow
  be32 salt_size;        // 44
  be32 digest_size;      // 48
  be32 flags;            // 52
  uint8_t reserved[60];  // 56
};
static_assert(sizeof(DescriptorHeader) + sizeof(HashHeader) == 132);

std::string payload(const VbmetaProperty& property) {
  std::string bytes(as_text(bytes_of(PropertyHeader{property.key.size(), property.value.size()})));
  return bytes + property.key + '\0' + property.value + '\0';
}

std::string payload(const VbmetaHash& hash) {
  HashHeader header{};
  header.image_bytes = hash.image_bytes;
  std::copy(kHashAlgorithm.begin(), kHashAlgorithm.end(), header.algorithm);
  header.partition_size = static_cast<uint32_t>(hash.partition.size());
  header.salt_size = static_cast<uint32_t>(hash.salt.size());
  header.digest_size = static_cast<uint32_t>(hash.digest.size());
  std::string bytes(as_text(bytes_of(header)));
  bytes += hash.partition;
  bytes += as_text(hash.salt);
  bytes += as_text(hash.digest);
  return bytes;
}

uint64_t tag_of(const VbmetaProperty&) {
  return kPropertyTag;
}
uint64_t tag_of(const VbmetaHash&) {
  return kHashTag;
}

std::string serialize_descriptor(const VbmetaDescriptor& descriptor) {
  return std::visit(
      [](const auto& value) {
        std::string bytes = payload(value);
        bytes.resize(align_up(bytes.size(), kDescriptorAlignment));
        return std::string(as_text(bytes_of(DescriptorHeader{tag_of(value), bytes.size()}))) +
               bytes;
      },
      descriptor);
}

std::string take_text(Cursor& cursor, uint64_t size) {
  return std::string(as_text(cursor.take(size)));
}

VbmetaProperty parse_property(Cursor cursor) {
  const auto header = cursor.take_struct<PropertyHeader>();
  VbmetaProperty property;
  property.key = take_text(cursor, header.key_size);
  cursor.take(1);
  property.value = take_text(cursor, header.value_size);
  return property;
}

VbmetaHash parse_hash(Cursor cursor) {
  const auto header = cursor.take_struct<HashHeader>();
  VbmetaHash hash;
  hash.image_bytes = header.image_bytes;
  hash.partition = take_text(cursor, header.partition_size);
  const ByteView salt = cursor.take(header.salt_size);
  hash.salt.assign(salt.begin(), salt.end());
  if (header.digest_size != hash.digest.size()) {
    throw Error(fmt::format("cannot read vbmeta: a digest of {} bytes, expected {}",
                            uint32_t{header.digest_size}, hash.digest.size()));
  }
  const ByteView digest = cursor.take(hash.digest.size());
  std::copy(digest.begin(), digest.end(), hash.digest.begin());
  return hash;
}

std::vector<VbmetaDescriptor> parse_descriptors(ByteView bytes) {
  std::vector<VbmetaDescriptor> descriptors;
  Cursor cursor(bytes, "vbmeta's descriptors");
  while (cursor.remaining() != 0) {
    const auto header = cursor.take_struct<DescriptorHeader>();
    const Cursor inside(cursor.take(header.size), "a descriptor of vbmeta");
    switch (header.tag) {
      case kPropertyTag:
        descriptors.emplace_back(parse_property(inside));
        break;
      case kHashTag:
        descriptors.emplace_back(parse_hash(inside));
        break;
      default:
        throw Error(fmt::format("cannot read vbmeta: a descriptor of kind {}, expected {} or {}",
                                uint64_t{header.tag}, kPropertyTag, kHashTag));
    }
  }
  return descriptors;
}

}  // namespace

VbmetaHash hash_of_partition(std::string partition, Bytes salt, ByteView image) {
  const Digest digest = Sha256().update(ByteView(salt)).update(image).finish();
  return {std::move(partition), image.size(), std::move(salt), digest};
}

std::string serialize_vbmeta(const Vbmeta& vbmeta) {
  Header header{};
  if (vbmeta.release.size() >= sizeof header.release ||
      vbmeta.release.find('\0') != std::string::npos) {
    throw Error(fmt::format("cannot write vbmeta: the release '{}' has more than {} bytes or a NUL",
                            vbmeta.release, sizeof header.release - 1));
  }
  std::string descriptors;
  for (const VbmetaDescriptor& descriptor : vbmeta.descriptors) {
    descriptors += serialize_descriptor(descriptor);
    if (descriptors.size() > kMaxDescriptorBytes) {
      throw Error(fmt::format("cannot write vbmeta: its descriptors have more than {} bytes",
                              kMaxDescriptorBytes));
    }
  }
  std::copy(kMagic.begin(), kMagic.end(), header.magic);
  header.major_version = 1;
  header.minor_version = vbmeta.rollback_index_location == 0 ? 0 : 2;
  header.auxiliary_size = align_up(descriptors.size(), kBlockAlignment);
  // There is neither hash nor key; avbtool says where they would be.
  header.public_key.offset = header.public_key_metadata.offset = descriptors.size();
  header.descriptors.size = descriptors.size();
  header.rollback_index = vbmeta.rollback_index;
  header.flags = vbmeta.flags;
  header.rollback_index_location = vbmeta.rollback_index_location;
  std::copy(vbmeta.release.begin(), vbmeta.release.end(), header.release);
  std::string bytes(as_text(bytes_of(header)));
  bytes += descriptors;
  bytes.resize(align_up(bytes.size(), kBlockAlignment));
  return bytes;
}

Vbmeta parse_vbmeta(ByteView bytes) {
  Cursor cursor(bytes, "vbmeta");
  const auto header = cursor.take_struct<Header>();
  if (std::string_view(header.magic, sizeof header.magic) != kMagic) {
    throw Error("cannot read vbmeta: it does not begin with AVB0");
  }
  if (header.algorithm != 0 || header.authentication_size != 0) {
    throw Error(fmt::format("cannot read vbmeta: it is signed with algorithm {}, expected none",
                            uint32_t{header.algorithm}));
  }
  const uint64_t size = header.descriptors.size;
  if (size > kMaxDescriptorBytes) {
    throw Error(fmt::format("cannot read vbmeta: descriptors of {} bytes, expected at most {}",
                            size, kMaxDescriptorBytes));
  }
  Vbmeta vbmeta;
  vbmeta.flags = header.flags;
  vbmeta.rollback_index = header.rollback_index;
  vbmeta.rollback_index_location = header.rollback_index_location;
  vbmeta.release.assign(header.release, std::find(header.release, std::end(header.release), '\0'));
  vbmeta.descriptors = parse_descriptors(cursor.take(size));
  // One comparison in the place of one for each field, pad and offset.
  const std::string expected = serialize_vbmeta(vbmeta);
  const std::string_view found = as_text(bytes).substr(0, expected.size());
  if (found != expected) {
    const auto difference = std::mismatch(found.begin(), found.end(), expected.begin()).first;
    throw Error(
        fmt::format("cannot read vbmeta: the byte at offset {} is not what its descriptors and "
                    "fields give",
                    difference - found.begin()));
  }
  return vbmeta;
}

}  // namespace imagefmt
