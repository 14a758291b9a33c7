// SPDX-License-Identifier: Apache-2.0
//
// Kernels of x86 (the kernel's Documentation/arch/x86/boot.rst and zero-page.rst).
#include <algorithm>

#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/depthcharge/format.h"
#include "imagefmt/depthcharge/kernel_partition.h"

namespace imagefmt::depthcharge {

namespace {

/// In the first sectors of a bzImage and in the zero page, from kSetupOffset on.
struct Setup {
  uint8_t setup_sectors;      // 0x1f1: 0 stands for 4
  uint8_t unused_1[12];       // 0x1f2
  le16 boot_flag;             // 0x1fe
  uint8_t unused_2[2];        // 0x200
  char magic[4];              // 0x202
  le16 version;               // 0x206
  uint8_t unused_3[8];        // 0x208
  uint8_t loader_type;        // 0x210
  uint8_t unused_4[7];        // 0x211
  le32 ramdisk_address;       // 0x218
  le32 ramdisk_size;          // 0x21c
  uint8_t unused_5[8];        // 0x220
  le32 command_line_address;  // 0x228
  uint8_t unused_6[0x2c];     // 0x22c
  le64 preferred_address;     // 0x258: where the kernel unpacks itself to
  le32 init_size;             // 0x260: what it needs there
  uint8_t unused_7[0x6c];     // 0x264: up to the map of memory
};
constexpr size_t kSetupOffset = 0x1f1;
static_assert(offsetof(Setup, preferred_address) == 0x258 - kSetupOffset);
static_assert(sizeof(Setup) == 0x2d0 - kSetupOffset);

constexpr uint16_t kProtocol = 0x20a;  // the first with init_size
constexpr uint8_t kOtherLoader = 0xff;

struct MapEntry {
  le64 address;
  le64 size;
  le32 type;
};
constexpr size_t kMapCountOffset = 0x1e8, kMapOffset = 0x2d0;
constexpr uint32_t kRam = 1, kReserved = 2;
/// The firmware puts its own in the place of these, which vbutil_kernel writes.
constexpr uint64_t kFirstPage = 0, kLastPage = 0xfffff000;

/// What the code that unpacks the kernel uses behind itself before it has moved out of the way.
constexpr uint64_t kUnpackerBytes = 0x18000;
constexpr uint64_t kMaxAddress = 1 << 30;

Setup read_setup(ByteView kernel) {
  if (kernel.size() < kSetupOffset + sizeof(Setup)) throw Error("it is no bzImage: too short");
  const auto setup = Cursor(kernel.subspan(kSetupOffset), "its header").take_struct<Setup>();
  if (std::string_view(setup.magic, sizeof setup.magic) != "HdrS") {
    throw Error("it is no bzImage: HdrS is not at 0x202");
  }
  if (setup.version < kProtocol) {
    throw Error(fmt::format("its boot protocol is {}.{:02}, expected 2.10 or later",
                            setup.version >> 8, setup.version & 0xff));
  }
  if (setup.preferred_address < kBodyAddress || setup.preferred_address > kMaxAddress ||
      setup.init_size > kMaxAddress) {
    throw Error(fmt::format(
        "it would unpack itself to {:#x} with {} bytes, expected a place "
        "between {:#x} and {:#x}",
        uint64_t{setup.preferred_address}, uint32_t{setup.init_size}, kBodyAddress, kMaxAddress));
  }
  return setup;
}

/// How much room the kernel has before command line, parameters and initrd, so that it unpacks itself
/// over none of them: they lie before the place where it does that, if they fit, and else behind.
uint64_t room_for(const Setup& setup, uint64_t kernel_bytes, uint64_t rest_bytes) {
  const uint64_t room = align_up(kernel_bytes + kUnpackerBytes, kPageBytes);
  if (kBodyAddress + room + rest_bytes <= setup.preferred_address) return room;
  const uint64_t unpacked = setup.preferred_address + setup.init_size - kBodyAddress;
  return align_up(std::max(room, unpacked), kPageBytes);
}

std::string zero_page(Setup setup, uint64_t command_line_address, uint64_t ramdisk_address,
                      uint64_t ramdisk_size) {
  setup.boot_flag = 0;
  setup.loader_type = kOtherLoader;
  setup.command_line_address = static_cast<uint32_t>(command_line_address);
  setup.ramdisk_address = static_cast<uint32_t>(ramdisk_address);
  setup.ramdisk_size = static_cast<uint32_t>(ramdisk_size);
  const MapEntry map[] = {{kFirstPage, kPageBytes, kRam}, {kLastPage, kPageBytes, kReserved}};
  std::string page(kPageBytes, '\0');
  page[kMapCountOffset] = static_cast<char>(std::size(map));
  page.replace(kSetupOffset, sizeof setup, as_text(bytes_of(setup)));
  page.replace(kMapOffset, sizeof map, as_text(bytes_of(map)));
  return page;
}

}  // namespace

Body split_bzimage(std::string_view kernel, std::string_view name, std::string_view initrd,
                   std::string command_line) {
  return with_context(fmt::format("cannot take '{}' apart", name), [&] {
    constexpr uint64_t kSector = 512;
    const Setup setup = read_setup(as_bytes(kernel));
    const uint64_t sectors = 1 + (setup.setup_sectors == 0 ? 4 : setup.setup_sectors);
    if (sectors * kSector >= kernel.size()) {
      throw Error(fmt::format("it has {} bytes, and {} sectors alone that run in 16 bits",
                              kernel.size(), sectors));
    }
    Body body;
    body.vmlinuz_header = kernel.substr(0, sectors * kSector);
    body.kernel = kernel.substr(sectors * kSector);
    body.boot_loader = initrd;
    body.command_line = std::move(command_line);
    const uint64_t rest = 2 * kPageBytes + align_up(initrd.size(), kPageBytes) +
                          align_up(body.vmlinuz_header.size(), kPageBytes);
    const uint64_t room = room_for(setup, body.kernel.size(), rest);
    body.kernel.resize(room);
    body.parameters =
        zero_page(setup, kBodyAddress + room,
                  initrd.empty() ? 0 : kBodyAddress + room + 2 * kPageBytes, initrd.size());
    return body;
  });
}

}  // namespace imagefmt::depthcharge
