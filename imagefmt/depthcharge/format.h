// SPDX-License-Identifier: Apache-2.0
//
// vboot's structures on disk (vboot_reference, firmware/2lib/include/2struct.h), little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "imagefmt/base/endian.h"

namespace imagefmt::depthcharge {

constexpr std::string_view kKeyblockMagic = "CHROMEOS";
constexpr uint32_t kMajorVersion = 2, kKeyblockMinorVersion = 1, kPreambleMinorVersion = 2;
/// Of keyblock and preamble together.
constexpr uint64_t kHeadBytes = 64 << 10;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kBodyAddress = 0x100000;

struct Signature {
  le32 offset;  //  0: of the signature, from this structure's start
  le32 unused_1;
  le32 size;  //  8
  le32 unused_2;
  le32 data_size;  // 16: of what is signed
  le32 unused_3;
};
static_assert(sizeof(Signature) == 24);

struct PackedKey {
  le32 offset;  //  0: of the key, from this structure's start
  le32 unused_1;
  le32 size;  //  8
  le32 unused_2;
  le32 algorithm;  // 16
  le32 unused_3;
  le32 version;  // 24
  le32 unused_4;
};
static_assert(sizeof(PackedKey) == 32);

struct Keyblock {
  char magic[8];        //   0
  le32 major_version;   //   8
  le32 minor_version;   //  12
  le32 size;            //  16: of all
  le32 unused_1;        //  20
  Signature signature;  //  24: by the key above
  Signature digest;     //  48: SHA-512
  le32 flags;           //  72
  le32 unused_2;        //  76
  PackedKey data_key;   //  80
};
static_assert(sizeof(Keyblock) == 112);

struct Preamble {
  le32 size;                    //   0: of all, with what fills it up
  le32 unused_1;                //   4
  Signature signature;          //   8: of this structure and the body's signature
  le32 major_version;           //  32
  le32 minor_version;           //  36
  le32 kernel_version;          //  40
  le32 unused_2;                //  44
  le64 body_address;            //  48
  le64 boot_loader_address;     //  56
  le32 boot_loader_size;        //  64
  le32 unused_3;                //  68
  Signature body_signature;     //  72
  le64 vmlinuz_header_address;  //  96
  le32 vmlinuz_header_size;     // 104
  le32 unused_4;                // 108
  le32 flags;                   // 112
};
static_assert(sizeof(Preamble) == 116);

}  // namespace imagefmt::depthcharge
