// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/reference.h"

#include "imagefmt/base/xxh3.h"

namespace imagefmt {

namespace {

constexpr size_t kImageStart = 4096;  // every format's superblock lies there
constexpr uint64_t kMaxIndexBytes = uint64_t{1} << 31;

uint64_t checksum_of_start(const File& image) {
  uint8_t start[kImageStart];
  return xxh3(ByteView(start, image.read_some(0, start)));
}

}  // namespace

std::string index_path(const std::string& image) {
  return image + ".index";
}

Index parse_index(ByteView bytes) {
  Cursor cursor(bytes, "the index");
  Index index{};
  index.header = cursor.take_struct<IndexFrame>();
  if (!std::ranges::equal(index.header.magic, kIndexMagic)) {
    throw Error(fmt::format("what stands beside it is no index (magic {})",
                            to_hex(ByteView(index.header.magic))));
  }
  if (index.header.version != kIndexVersion) {
    throw Error(fmt::format("its index is of version {}, expected {}",
                            uint32_t{index.header.version}, kIndexVersion));
  }
  index.settings = as_text(cursor.take(index.header.settings_size));
  if (cursor.remaining() < sizeof(le64)) cursor.take(sizeof(le64));  // throws what is missing
  index.lists = cursor.take(cursor.remaining() - sizeof(le64));
  const size_t checked = cursor.offset();
  if (cursor.take_struct<le64>() != xxh3(bytes.first(checked))) throw Error("its index is damaged");
  return index;
}

void require_of_index(bool good, std::string_view what) {
  if (!good) throw Error(fmt::format("the index has {}", what));
}

Bytes serialize_index(const File& image, std::string_view settings, ByteView lists) {
  IndexFrame header{};
  std::ranges::copy(kIndexMagic, header.magic);
  header.version = kIndexVersion;
  header.settings_size = static_cast<uint32_t>(settings.size());
  header.image_size = image.size_bytes();
  header.image_start = checksum_of_start(image);
  Bytes bytes;
  bytes.reserve(sizeof header + settings.size() + lists.size() + sizeof(le64));
  append(bytes, bytes_of(header));
  append(bytes, as_bytes(settings));
  append(bytes, lists);
  append(bytes, bytes_of(le64(xxh3(bytes))));
  return bytes;
}

Reference::Reference(const std::string& image, std::string_view settings)
    : image_(blaming_reference([&] { return File::open_for_reading(image); })),
      bytes_(blaming_reference([&] { return read_file(index_path(image), kMaxIndexBytes); })),
      index_(blaming_reference([&] { return parse_index(as_bytes(bytes_)); })) {
  if (index_.settings != settings) {
    throw BadReference(
        fmt::format("it was written as '{}', this is '{}'", index_.settings, settings));
  }
  blaming_reference([&] {
    if (image_.size_bytes() != index_.header.image_size ||
        checksum_of_start(image_) != index_.header.image_start) {
      throw Error("its index belongs to another image");
    }
  });
}

void Reference::read(uint64_t offset, std::span<uint8_t> into) const {
  blaming_reference([&] { image_.read_exactly(offset, into); });
}

void Reference::check(uint64_t offset, ByteView bytes, uint64_t checksum) {
  if (xxh3(bytes) == checksum) return;
  throw BadReference(
      fmt::format("{} bytes at offset {} have changed since it was written", bytes.size(), offset));
}

}  // namespace imagefmt
