// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/uboot/script.h"

#include <algorithm>

#include "imagefmt/base/crc32.h"
#include "imagefmt/base/endian.h"
#include "imagefmt/base/struct_bytes.h"

namespace imagefmt::uboot {

namespace {

constexpr uint32_t kMagic = 0x27051956;
constexpr uint8_t kLinux = 5, kScript = 6, kUncompressed = 0;

/// Big-endian, as all of it.
struct Header {
  be32 magic;            //  0
  be32 header_checksum;  //  4: CRC-32 of the header with zeros here
  be32 time;             //  8
  be32 size;             // 12: of the data behind the header
  be32 load_address;     // 16
  be32 entry_address;    // 20
  be32 data_checksum;    // 24
  uint8_t os;            // 28
  uint8_t arch;          // 29
  uint8_t type;          // 30
  uint8_t compression;   // 31
  char name[32];         // 32: padded with NULs, none behind 32 bytes
};
static_assert(sizeof(Header) == 64);

/// What the data of a script begins with: the sizes of its parts, of which there is one, and a zero.
struct PartSizes {
  be32 text;
  be32 end;
};

uint32_t checksum_of(Header header) {
  header.header_checksum = 0;
  return crc32(0, bytes_of(header));
}

void check(const Script& script) {
  Faults faults;
  if (script.name.size() > sizeof(Header::name)) {
    faults.add(fmt::format("its name has {} bytes, at most {} are possible", script.name.size(),
                           sizeof(Header::name)));
  }
  if (script.name.find('\0') != std::string::npos) faults.add("its name holds a NUL");
  if (script.text.empty()) faults.add("it has no text");
  if (script.text.find('\0') != std::string::npos) faults.add("its text holds a NUL");
  if (script.text.size() > UINT32_MAX - sizeof(PartSizes)) {
    faults.add(fmt::format("its text has {} bytes, at most {} are possible", script.text.size(),
                           UINT32_MAX - sizeof(PartSizes)));
  }
  faults.throw_if_any();
}

template <class T>
void expect(std::string_view what, T found, T expected) {
  if (found != expected) {
    throw Error(fmt::format("{} is {:#x}, expected {:#x}", what, found, expected));
  }
}

}  // namespace

std::string serialize_script(const Script& script) {
  with_context("cannot make a U-Boot script", [&] { check(script); });
  const PartSizes sizes{static_cast<uint32_t>(script.text.size()), 0};
  std::string data(as_text(bytes_of(sizes)));
  data += script.text;
  Header header{};
  header.magic = kMagic;
  header.time = script.time;
  header.size = static_cast<uint32_t>(data.size());
  header.data_checksum = crc32(0, as_bytes(data));
  header.os = kLinux;
  header.arch = script.arch;
  header.type = kScript;
  header.compression = kUncompressed;
  std::copy(script.name.begin(), script.name.end(), header.name);
  header.header_checksum = checksum_of(header);
  return std::string(as_text(bytes_of(header))) + data;
}

Script parse_script(ByteView bytes) {
  return with_context("cannot read the U-Boot script", [&] {
    Cursor cursor(bytes, "the image");
    const auto header = cursor.take_struct<Header>();
    expect<uint32_t>("the magic number", header.magic, kMagic);
    expect<uint32_t>("the header's checksum", header.header_checksum, checksum_of(header));
    expect<uint32_t>("the load address", header.load_address, 0);
    expect<uint32_t>("the entry address", header.entry_address, 0);
    expect<uint32_t>("the operating system", header.os, kLinux);
    expect<uint32_t>("the type", header.type, kScript);
    expect<uint32_t>("the compression", header.compression, kUncompressed);
    const ByteView data = cursor.take(header.size);
    expect<uint32_t>("the data's checksum", header.data_checksum, crc32(0, data));
    Cursor inside(data, "the data");
    const auto sizes = inside.take_struct<PartSizes>();
    expect<uint32_t>("the end of the list of sizes", sizes.end, 0);
    expect<uint64_t>("the text's size", sizes.text, inside.remaining());
    Script script;
    script.text = as_text(inside.take(inside.remaining()));
    script.arch = header.arch;
    script.time = header.time;
    const char* end = std::find(header.name, std::end(header.name), '\0');
    script.name.assign(header.name, end);
    if (std::any_of(end, std::end(header.name), [](char c) { return c != '\0'; })) {
      throw Error("there are bytes behind the name's end");
    }
    check(script);
    return script;
  });
}

}  // namespace imagefmt::uboot
