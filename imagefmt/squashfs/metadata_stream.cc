// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/metadata_stream.h"

#include <algorithm>

namespace imagefmt::squashfs {

void MetadataStream::append(ByteView bytes) {
  while (!bytes.empty()) {
    size_t part = std::min(bytes.size(), kMetadataBlockSize - block_.size());
    block_.insert(block_.end(), bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (block_.size() == kMetadataBlockSize) end_block();
  }
}

const Bytes& MetadataStream::finish() {
  if (!block_.empty()) end_block();
  return bytes_;
}

void MetadataStream::end_block() {
  block_starts_.push_back(bytes_.size());
  uint8_t packed[kMetadataBlockSize];
  size_t packed_size = compressor_.compress(block_, packed);
  ByteView stored = packed_size ? ByteView(packed, packed_size) : ByteView(block_);
  le16 header = static_cast<uint16_t>(stored.size() | (packed_size ? 0 : kMetadataStored));
  ByteView header_bytes = bytes_of(header);
  bytes_.insert(bytes_.end(), header_bytes.begin(), header_bytes.end());
  bytes_.insert(bytes_.end(), stored.begin(), stored.end());
  block_.clear();
}

uint64_t append_table(Output& out, Compressor& compressor, ByteView entries) {
  MetadataStream stream(compressor);
  stream.append(entries);
  uint64_t start = out.position();
  out.append(stream.finish());
  uint64_t list = out.position();
  for (uint64_t block : stream.block_starts()) out.append(bytes_of(le64(start + block)));
  return list;
}

}  // namespace imagefmt::squashfs
