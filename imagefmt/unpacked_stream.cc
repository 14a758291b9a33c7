// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/unpacked_stream.h"

#include <utility>

#include "imagefmt/archive.h"

namespace imagefmt {

namespace {

constexpr std::pair<std::string_view, int> kFilters[] = {{"xz", ARCHIVE_FILTER_XZ},
                                                         {"zstd", ARCHIVE_FILTER_ZSTD},
                                                         {"bzip2", ARCHIVE_FILTER_BZIP2},
                                                         {"gzip", ARCHIVE_FILTER_GZIP},
                                                         {"lz4", ARCHIVE_FILTER_LZ4}};

class UnpackedStream : public ByteStream {
 public:
  UnpackedStream(ByteStream& packed, int filter) : archive_(packed, filter) {}
  ByteView read() override {
    if (!begun_ && !archive_.next()) return {};
    begun_ = true;
    std::optional<Archive::Block> block = archive_.next_block();
    while (block && block->bytes.empty()) block = archive_.next_block();
    return block ? block->bytes : ByteView();
  }

 private:
  Archive archive_;
  bool begun_ = false;
};

}  // namespace

std::string unpacked_compressions() {
  std::string names;
  for (const auto& [name, filter] : kFilters)
    names += (names.empty() ? "" : ", ") + std::string(name);
  return names;
}

std::unique_ptr<ByteStream> unpacked_stream(ByteStream& packed, std::string_view compression) {
  for (const auto& [name, filter] : kFilters) {
    if (name == compression) return std::make_unique<UnpackedStream>(packed, filter);
  }
  return nullptr;
}

}  // namespace imagefmt
