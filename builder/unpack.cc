// SPDX-License-Identifier: Apache-2.0
#include "builder/unpack.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <array>

#include "imagefmt/base/handle.h"

namespace builder {

using imagefmt::as_text;
using imagefmt::ByteView;

namespace {

using Archive = imagefmt::Handle<archive, archive_read_free>;

constexpr std::array<Compression, 7> kCompressions = {{
    {"gzip", {"\x1f\x8b\x08", 3}, ARCHIVE_FILTER_GZIP},
    {"xz", {"\xfd\x37zXZ\0", 6}, ARCHIVE_FILTER_XZ},
    {"zstd", {"\x28\xb5\x2f\xfd", 4}, ARCHIVE_FILTER_ZSTD},
    {"lz4", {"\x02\x21\x4c\x18", 4}, ARCHIVE_FILTER_LZ4},  // lz4 -l
    {"lz4", {"\x04\x22\x4d\x18", 4}, ARCHIVE_FILTER_LZ4},
    {"lzma", {"\x5d\0\0", 3}, ARCHIVE_FILTER_LZMA},
    {"bzip2", {"BZh", 3}, ARCHIVE_FILTER_BZIP2},
}};

const Compression* find_compression(ByteView packed) {
  for (const Compression& compression : kCompressions) {
    if (as_text(packed).substr(0, compression.magic.size()) == compression.magic) {
      return &compression;
    }
  }
  return nullptr;
}

}  // namespace

std::span<const Compression> compressions() {
  return kCompressions;
}

std::string_view compression_of(ByteView packed) {
  const Compression* compression = find_compression(packed);
  return compression ? compression->name : std::string_view();
}

Unpacked unpack(ByteView packed, uint64_t& budget, const Sink& sink) {
  const Compression* compression = find_compression(packed);
  if (!compression) return {};
  Archive reader(archive_read_new());
  if (!reader) throw std::bad_alloc();
  // The filter is chosen, not bid for: one layer, so that what is unpacked bounds the work, and
  // nothing that libarchive has not built in (ARCHIVE_WARN) and would run a program for.
  archive_entry* entry = nullptr;
  if (archive_read_support_format_raw(reader.get()) != ARCHIVE_OK ||
      archive_read_append_filter(reader.get(), compression->filter) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), packed.data(), packed.size()) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return {};
  }
  Unpacked result;
  while (budget > 0) {
    // Block by block, since archive_read_data gives nothing of what precedes an error in its range.
    const void* block = nullptr;
    size_t length = 0;
    la_int64_t offset = 0;
    const int status = archive_read_data_block(reader.get(), &block, &length, &offset);
    result.whole = status == ARCHIVE_EOF;
    if (status != ARCHIVE_OK || length == 0) break;
    length = static_cast<size_t>(std::min<uint64_t>(length, budget));
    budget -= length;
    if (sink({static_cast<const uint8_t*>(block), length})) break;
  }
  constexpr int kFirstFilter = -1;  // the one that is nearest to the packed bytes
  result.packed_bytes = static_cast<uint64_t>(
      std::max<la_int64_t>(archive_filter_bytes(reader.get(), kFirstFilter), 0));
  return result;
}

}  // namespace builder
