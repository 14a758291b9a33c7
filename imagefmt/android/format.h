// SPDX-License-Identifier: Apache-2.0
//
// Android's boot and vendor boot images on disk, after AOSP's include/bootimg/bootimg.h (repository
// system/tools/mkbootimg). Little-endian. A header takes the first page or pages; the parts follow
// in the order of their sizes in the header, each from the start of a page.
//
// A newer version appends fields to the header of an older one: a struct is the newest one's, of
// which an older one's is the beginning. Version 3 began anew, and moved to vendor_boot what a
// device's maker decides.
#pragma once

#include <array>
#include <cstdint>

#include "imagefmt/base/endian.h"

namespace imagefmt::android {

constexpr char kBootMagic[] = "ANDROID!";
constexpr char kVendorBootMagic[] = "VNDRBOOT";

constexpr uint32_t kNameSize = 16;
constexpr uint32_t kCmdlineSize = 512;        // of versions 0 to 2, with a NUL
constexpr uint32_t kExtraCmdlineSize = 1024;  // the rest of it, with a NUL
constexpr uint32_t kVendorCmdlineSize = 2048;
constexpr uint32_t kVendorRamdiskNameSize = 32;
constexpr uint32_t kBoardIdSize = 16;
/// Of boot images from version 3 on; others name theirs.
constexpr uint32_t kBootPageSize = 4096;

/// Of versions 0 to 2.
struct BootHeader {
  char magic[8];               //    0
  le32 kernel_size;            //    8
  le32 kernel_address;         //   12
  le32 ramdisk_size;           //   16
  le32 ramdisk_address;        //   20: 0 if there is no ramdisk
  le32 second_size;            //   24
  le32 second_address;         //   28: 0 if there is no second stage
  le32 tags_address;           //   32
  le32 page_size;              //   36
  le32 header_version;         //   40: before there were versions, the size of a table of dtbs
  le32 os_version;             //   44
  char name[kNameSize];        //   48
  char cmdline[kCmdlineSize];  //   64
  uint8_t id[32];              //  576
  char extra_cmdline[kExtraCmdlineSize];  //  608
  le32 recovery_dtbo_size;                // 1632: from version 1 on
  le64 recovery_dtbo_offset;              // 1636: in the image
  le32 header_size;                       // 1644
  le32 dtb_size;                          // 1648: of version 2
  le64 dtb_address;                       // 1652
};
static_assert(sizeof(BootHeader) == 1660);
/// By version.
constexpr std::array<uint32_t, 3> kBootHeaderSizes = {1632, 1648, 1660};

/// From version 3 on.
struct BootHeaderV3 {
  char magic[8];                                   //    0
  le32 kernel_size;                                //    8
  le32 ramdisk_size;                               //   12
  le32 os_version;                                 //   16
  le32 header_size;                                //   20
  le32 reserved[4];                                //   24
  le32 header_version;                             //   40
  char cmdline[kCmdlineSize + kExtraCmdlineSize];  //   44
  le32 signature_size;                             // 1580: of version 4
};
static_assert(sizeof(BootHeaderV3) == 1584);
constexpr std::array<uint32_t, 2> kBootHeaderV3Sizes = {1580, 1584};  // of version 3, 4

struct VendorBootHeader {
  char magic[8];                     //    0
  le32 header_version;               //    8
  le32 page_size;                    //   12
  le32 kernel_address;               //   16
  le32 ramdisk_address;              //   20
  le32 ramdisk_size;                 //   24: of all ramdisks, which follow each other unpadded
  char cmdline[kVendorCmdlineSize];  //   28
  le32 tags_address;                 // 2076
  char name[kNameSize];              // 2080
  le32 header_size;                  // 2096
  le32 dtb_size;                     // 2100
  le64 dtb_address;                  // 2104
  le32 table_size;                   // 2112: from version 4 on
  le32 table_entry_count;            // 2116
  le32 table_entry_size;             // 2120
  le32 bootconfig_size;              // 2124
};
static_assert(sizeof(VendorBootHeader) == 2128);
constexpr std::array<uint32_t, 2> kVendorBootHeaderSizes = {2112, 2128};  // of version 3, 4

struct VendorRamdiskEntry {
  le32 size;                          //  0
  le32 offset;                        //  4: from the start of all ramdisks
  le32 type;                          //  8
  char name[kVendorRamdiskNameSize];  // 12
  le32 board_id[kBoardIdSize];        // 44
};
static_assert(sizeof(VendorRamdiskEntry) == 108);

}  // namespace imagefmt::android
