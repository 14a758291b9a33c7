// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/android/boot_image.h"

#include <openssl/evp.h>

#include "imagefmt/android/format.h"
#include "imagefmt/android/limits.h"
#include "imagefmt/base/handle.h"
#include "imagefmt/base/struct_bytes.h"

namespace imagefmt {

using namespace android;

namespace {

/// REQUIRES: `text` is shorter than the field, which is zero (check_limits).
template <size_t size>
void put_text(char (&field)[size], std::string_view text) {
  std::memcpy(field, text.data(), text.size());
}
template <size_t size>
void put_magic(char (&field)[size], const char (&magic)[size + 1]) {
  std::memcpy(field, magic, size);
}

void pad(std::string& image, uint32_t page_size) {
  image.resize(align_up(image.size(), page_size));
}
void append_part(std::string& image, std::string_view part, uint32_t page_size) {
  image += part;
  pad(image, page_size);
}

/// The first `size` bytes of a header, and the rest of its last page.
template <class Header>
std::string header_pages(const Header& header, uint32_t size, uint32_t page_size) {
  std::string image(as_text(bytes_of(header).first(size)));
  pad(image, page_size);
  return image;
}

/// Of a part that is checked: check_limits.
uint32_t size_of(std::string_view part) {
  return static_cast<uint32_t>(part.size());
}

std::string serialize_up_to_2(const BootImage& image) {
  BootHeader header{};
  put_magic(header.magic, kBootMagic);
  header.kernel_size = size_of(image.kernel);
  header.kernel_address = image.kernel_address;
  header.ramdisk_size = size_of(image.ramdisk);
  header.ramdisk_address = image.ramdisk_address;
  header.second_size = size_of(image.second);
  header.second_address = image.second_address;
  header.tags_address = image.tags_address;
  header.page_size = image.page_size;
  header.header_version = image.header_version;
  header.os_version = image.os_version;
  put_text(header.name, image.name);
  const std::string_view cmdline = image.cmdline;
  put_text(header.cmdline, cmdline.substr(0, kCmdlineSize - 1));
  if (cmdline.size() >= kCmdlineSize)
    put_text(header.extra_cmdline, cmdline.substr(kCmdlineSize - 1));
  const std::array<uint8_t, 32> id = boot_image_id(image);
  std::memcpy(header.id, id.data(), id.size());

  const uint32_t size = kBootHeaderSizes[image.header_version];
  header.header_size = size;  // lies behind what version 0 writes
  header.recovery_dtbo_size = size_of(image.recovery_dtbo);
  if (!image.recovery_dtbo.empty()) {
    uint64_t offset = image.page_size;
    for (const std::string* part : {&image.kernel, &image.ramdisk, &image.second}) {
      offset += align_up(part->size(), image.page_size);
    }
    header.recovery_dtbo_offset = offset;
  }
  header.dtb_size = size_of(image.dtb);
  header.dtb_address = image.dtb_address;

  std::string bytes = header_pages(header, size, image.page_size);
  for (const std::string* part :
       {&image.kernel, &image.ramdisk, &image.second, &image.recovery_dtbo, &image.dtb}) {
    append_part(bytes, *part, image.page_size);
  }
  return bytes;
}

std::string serialize_from_3(const BootImage& image) {
  BootHeaderV3 header{};
  put_magic(header.magic, kBootMagic);
  header.kernel_size = size_of(image.kernel);
  header.ramdisk_size = size_of(image.ramdisk);
  header.os_version = image.os_version;
  header.header_version = image.header_version;
  put_text(header.cmdline, image.cmdline);
  const uint32_t size = kBootHeaderV3Sizes[image.header_version - 3];
  header.header_size = size;
  header.signature_size = size_of(image.signature);

  std::string bytes = header_pages(header, size, kBootPageSize);
  for (const std::string* part : {&image.kernel, &image.ramdisk, &image.signature}) {
    append_part(bytes, *part, kBootPageSize);
  }
  return bytes;
}

/// The table of ramdisks, and with it what comes only in version 4.
void append_from_4(std::string& bytes, const VendorBootImage& image) {
  uint32_t offset = 0;
  for (const VendorRamdisk& ramdisk : image.ramdisks) {
    VendorRamdiskEntry entry{};
    entry.size = size_of(ramdisk.bytes);
    entry.offset = offset;
    entry.type = ramdisk.type;
    put_text(entry.name, ramdisk.name);
    std::copy(ramdisk.board_id.begin(), ramdisk.board_id.end(), entry.board_id);
    bytes += as_text(bytes_of(entry));
    offset += entry.size;
  }
  pad(bytes, image.page_size);
  append_part(bytes, image.bootconfig, image.page_size);
}

void check_digest(int ok) {
  if (ok != 1) throw Error("cannot compute SHA-1: OpenSSL refused");
}

}  // namespace

std::array<uint8_t, 32> boot_image_id(const BootImage& image) {
  Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  check_digest(context && EVP_DigestInit_ex(context.get(), EVP_sha1(), nullptr));
  auto update = [&](const std::string& part) {
    check_digest(EVP_DigestUpdate(context.get(), part.data(), part.size()));
    const le32 size = size_of(part);
    check_digest(EVP_DigestUpdate(context.get(), &size, sizeof size));
  };
  for (const std::string* part : {&image.kernel, &image.ramdisk, &image.second}) update(*part);
  if (image.header_version >= 1) update(image.recovery_dtbo);
  if (image.header_version >= 2) update(image.dtb);
  std::array<uint8_t, 32> id{};
  check_digest(EVP_DigestFinal_ex(context.get(), id.data(), nullptr));
  return id;
}

std::string serialize_boot_image(const BootImage& image) {
  check_limits(image);
  return image.header_version <= 2 ? serialize_up_to_2(image) : serialize_from_3(image);
}

std::string serialize_vendor_boot_image(const VendorBootImage& image) {
  check_limits(image);
  std::string ramdisks;
  for (const VendorRamdisk& ramdisk : image.ramdisks) ramdisks += ramdisk.bytes;

  VendorBootHeader header{};
  put_magic(header.magic, kVendorBootMagic);
  header.header_version = image.header_version;
  header.page_size = image.page_size;
  header.kernel_address = image.kernel_address;
  header.ramdisk_address = image.ramdisk_address;
  header.ramdisk_size = size_of(ramdisks);
  put_text(header.cmdline, image.cmdline);
  header.tags_address = image.tags_address;
  put_text(header.name, image.name);
  const uint32_t size = kVendorBootHeaderSizes[image.header_version - 3];
  header.header_size = size;
  header.dtb_size = size_of(image.dtb);
  header.dtb_address = image.dtb_address;
  header.table_entry_count = static_cast<uint32_t>(image.ramdisks.size());
  header.table_entry_size = sizeof(VendorRamdiskEntry);
  header.table_size = static_cast<uint32_t>(image.ramdisks.size() * sizeof(VendorRamdiskEntry));
  header.bootconfig_size = size_of(image.bootconfig);

  std::string bytes = header_pages(header, size, image.page_size);
  append_part(bytes, ramdisks, image.page_size);
  append_part(bytes, image.dtb, image.page_size);
  if (image.header_version >= 4) append_from_4(bytes, image);
  return bytes;
}

}  // namespace imagefmt
