// SPDX-License-Identifier: Apache-2.0
//
// Boot images read back. Sizes and counts are those of the file's own bytes before memory is taken
// for them.
#include <algorithm>

#include "imagefmt/android/boot_image.h"
#include "imagefmt/android/format.h"
#include "imagefmt/android/limits.h"
#include "imagefmt/base/digest.h"
#include "imagefmt/base/struct_bytes.h"
#include "imagefmt/base/zeros.h"

namespace imagefmt {

using namespace android;

namespace {

/// The parts of an image in their order.
class Parts {
 public:
  Parts(ByteView image, uint32_t page_size, Faults& faults)
      : image_(image), page_size_(page_size), faults_(faults) {}

  uint64_t offset() const { return offset_; }

  std::string_view take(std::string_view what, uint32_t size) {
    if (size > image_.size() - std::min<uint64_t>(offset_, image_.size())) {
      throw Error(fmt::format("the {} of {} bytes at offset {} reaches beyond the image's {} bytes",
                              what, size, offset_, image_.size()));
    }
    const ByteView part = image_.subspan(offset_, size);
    offset_ += size;
    if (size != 0) skip_padding(what);
    return as_text(part);
  }

 private:
  void skip_padding(std::string_view what) {
    const uint64_t end = align_up(offset_, page_size_);
    if (end > image_.size()) {
      faults_.add(fmt::format("the padding after the {} ends at offset {}, expected {}", what,
                              image_.size(), end));
    } else if (!all_zero(image_.subspan(offset_, end - offset_))) {
      faults_.add(fmt::format("the padding after the {} is not zero", what));
    }
    offset_ = std::min<uint64_t>(end, image_.size());
  }

  ByteView image_;
  uint32_t page_size_;
  Faults& faults_;
  uint64_t offset_ = 0;
};

/// As much of a header as its version has; the rest is zero.
template <class Header>
Header copy_header(ByteView bytes, uint32_t size) {
  Header header{};
  std::memcpy(&header, Cursor(bytes, "the header").take(size).data(), size);
  return header;
}

void expect(Faults& faults, std::string_view what, uint64_t found, uint64_t expected) {
  if (found != expected) {
    faults.add(fmt::format("{} is {}, expected {}", what, found, expected));
  }
}

template <size_t size>
std::string text_of(const char (&field)[size], std::string_view what, Faults& faults) {
  const char* end = std::find(field, field + size, '\0');
  if (end == field + size) {
    faults.add(fmt::format("{} does not end in a NUL", what));
  } else if (!std::all_of(end, field + size, [](char c) { return c == '\0'; })) {
    faults.add(fmt::format("{} is not zero after its NUL", what));
  }
  return {field, end};
}

/// What serialize_… would refuse of a value that was read. It is no reason not to give the value.
template <class Image>
void add_limits(const Image& image, Faults& faults) {
  try {
    check_limits(image);
  } catch (const Error& error) {
    faults.add(error.what());
  }
}

void require_page_size(uint32_t page_size) {
  if (!is_page_size(page_size)) {
    throw Error(fmt::format("page size {}, expected 2048, 4096, 8192 or 16384", page_size));
  }
}

void read_cmdline(const BootHeader& header, std::string& cmdline, Faults& faults) {
  cmdline = text_of(header.cmdline, "the field cmdline", faults);
  const std::string extra = text_of(header.extra_cmdline, "the field extra_cmdline", faults);
  if (!extra.empty() && cmdline.size() < kCmdlineSize - 1) {
    faults.add("the field extra_cmdline goes on after a cmdline that is not full");
  }
  cmdline += extra;
}

ParsedBootImage parse_up_to_2(ByteView bytes, uint32_t version, Faults& faults) {
  const uint32_t size = kBootHeaderSizes[version];
  const auto header = copy_header<BootHeader>(bytes, size);
  require_page_size(header.page_size);
  BootImage image;
  image.header_version = version;
  image.page_size = header.page_size;
  image.kernel_address = header.kernel_address;
  image.ramdisk_address = header.ramdisk_address;
  image.second_address = header.second_address;
  image.tags_address = header.tags_address;
  image.dtb_address = header.dtb_address;
  image.os_version = header.os_version;
  image.name = text_of(header.name, "the board's name", faults);
  read_cmdline(header, image.cmdline, faults);
  if (version >= 1) expect(faults, "the header's size", header.header_size, size);

  Parts parts(bytes, image.page_size, faults);
  parts.take("header", size);
  image.kernel = parts.take("kernel", header.kernel_size);
  image.ramdisk = parts.take("ramdisk", header.ramdisk_size);
  image.second = parts.take("second stage", header.second_size);
  expect(faults, "the recovery DTBO's offset", header.recovery_dtbo_offset,
         header.recovery_dtbo_size == 0 ? 0 : parts.offset());
  image.recovery_dtbo = parts.take("recovery DTBO", header.recovery_dtbo_size);
  image.dtb = parts.take("device tree", header.dtb_size);

  const std::array<uint8_t, 32> id = boot_image_id(image);
  if (!std::equal(id.begin(), id.end(), header.id)) {
    faults.add(
        fmt::format("the id is {}, but that of the parts is {}", to_hex(header.id), to_hex(id)));
  }
  add_limits(image, faults);
  return {std::move(image), parts.offset()};
}

ParsedBootImage parse_from_3(ByteView bytes, uint32_t version, Faults& faults) {
  const uint32_t size = kBootHeaderV3Sizes[version - 3];
  const auto header = copy_header<BootHeaderV3>(bytes, size);
  BootImage image;
  image.header_version = version;
  image.os_version = header.os_version;
  image.cmdline = text_of(header.cmdline, "the command line", faults);
  expect(faults, "the header's size", header.header_size, size);
  for (uint32_t word : header.reserved) expect(faults, "a reserved field", word, 0);

  Parts parts(bytes, kBootPageSize, faults);
  parts.take("header", size);
  image.kernel = parts.take("kernel", header.kernel_size);
  image.ramdisk = parts.take("ramdisk", header.ramdisk_size);
  image.signature = parts.take("signature", header.signature_size);
  add_limits(image, faults);
  return {std::move(image), parts.offset()};
}

/// The ramdisks that the table names in `bytes`, which are those of all.
std::vector<VendorRamdisk> split_ramdisks(std::string_view bytes, std::string_view table,
                                          const VendorBootHeader& header, Faults& faults) {
  const uint32_t stride = header.table_entry_size;
  if (stride < sizeof(VendorRamdiskEntry)) {
    throw Error(fmt::format("entries of the vendor ramdisk table of {} bytes, expected {}", stride,
                            sizeof(VendorRamdiskEntry)));
  }
  expect(faults, "the size of an entry of the vendor ramdisk table", stride,
         sizeof(VendorRamdiskEntry));
  if (header.table_entry_count > table.size() / stride) {
    throw Error(fmt::format("{} entries of {} bytes in a vendor ramdisk table of {} bytes",
                            uint32_t{header.table_entry_count}, stride, table.size()));
  }
  expect(faults, "the vendor ramdisk table's size", table.size(),
         uint64_t{header.table_entry_count} * stride);
  std::vector<VendorRamdisk> ramdisks;
  uint64_t end = 0;
  for (uint32_t i = 0; i < header.table_entry_count; ++i) {
    const auto entry =
        Cursor(as_bytes(table.substr(i * stride)), "the entry").take_struct<VendorRamdiskEntry>();
    const uint64_t offset = entry.offset, size = entry.size;
    if (offset + size > bytes.size()) {
      throw Error(
          fmt::format("vendor ramdisk {} of {} bytes at offset {} reaches beyond the {} bytes "
                      "of all",
                      i, size, offset, bytes.size()));
    }
    // Else entries that overlap would multiply the file's bytes.
    if (offset != end) {
      throw Error(fmt::format("vendor ramdisk {} is at offset {}, expected {}", i, offset, end));
    }
    end += size;
    VendorRamdisk ramdisk;
    ramdisk.bytes = bytes.substr(offset, size);
    ramdisk.type = entry.type;
    ramdisk.name = text_of(entry.name, fmt::format("the name of vendor ramdisk {}", i), faults);
    std::copy(std::begin(entry.board_id), std::end(entry.board_id), ramdisk.board_id.begin());
    ramdisks.push_back(std::move(ramdisk));
  }
  expect(faults, "the size of all vendor ramdisks", bytes.size(), end);
  return ramdisks;
}

ParsedBootImage parse_vendor(ByteView bytes, Faults& faults) {
  const uint32_t version = copy_header<VendorBootHeader>(bytes, 12).header_version;
  if (version != 3 && version != 4) {
    throw Error(fmt::format("header version {} of a vendor boot image, expected 3 or 4", version));
  }
  const uint32_t size = kVendorBootHeaderSizes[version - 3];
  const auto header = copy_header<VendorBootHeader>(bytes, size);
  require_page_size(header.page_size);
  VendorBootImage image;
  image.header_version = version;
  image.page_size = header.page_size;
  image.kernel_address = header.kernel_address;
  image.ramdisk_address = header.ramdisk_address;
  image.tags_address = header.tags_address;
  image.dtb_address = header.dtb_address;
  image.name = text_of(header.name, "the board's name", faults);
  image.cmdline = text_of(header.cmdline, "the vendor command line", faults);
  expect(faults, "the header's size", header.header_size, size);

  Parts parts(bytes, image.page_size, faults);
  parts.take("header", size);
  const std::string_view ramdisks = parts.take("vendor ramdisks", header.ramdisk_size);
  image.dtb = parts.take("device tree", header.dtb_size);
  if (version == 3) {
    image.ramdisks.push_back({.bytes = std::string(ramdisks)});
  } else {
    const std::string_view table = parts.take("vendor ramdisk table", header.table_size);
    image.ramdisks = split_ramdisks(ramdisks, table, header, faults);
    image.bootconfig = parts.take("bootconfig", header.bootconfig_size);
  }
  add_limits(image, faults);
  return {std::move(image), parts.offset()};
}

}  // namespace

ParsedBootImage parse_boot_image(ByteView bytes, Faults& faults) {
  const std::string_view magic = as_text(bytes).substr(0, 8);
  if (magic == kVendorBootMagic) return parse_vendor(bytes, faults);
  if (magic != kBootMagic) {
    throw Error(
        "neither a boot image nor a vendor boot image: it begins with neither ANDROID! nor "
        "VNDRBOOT");
  }
  constexpr uint32_t kVersionEnd = 44;
  const uint32_t version = copy_header<BootHeader>(bytes, kVersionEnd).header_version;
  if (version > 4) {
    throw Error(fmt::format("header version {}, expected 0 to 4", version));
  }
  return version <= 2 ? parse_up_to_2(bytes, version, faults)
                      : parse_from_3(bytes, version, faults);
}

}  // namespace imagefmt
