// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/file_source.h"

#include <algorithm>

#include "imagefmt/erofs/packer.h"

namespace imagefmt::erofs {

namespace {

/// How the chunks of an inode are counted: the field `start`.
constexpr uint32_t kChunkLogMask = 0x1f, kChunkIndexes = 0x20;
constexpr uint32_t kNoBlock = UINT32_MAX;

uint32_t chunk_log(const Inode& inode) {
  return kBlockLog + (inode.start & kChunkLogMask);
}
uint64_t chunk_entry_size(const Inode& inode) {
  return inode.start & kChunkIndexes ? sizeof(le64) : sizeof(le32);
}

}  // namespace

FileSource::FileSource(std::shared_ptr<const Image> image, const Inode& inode)
    : image_(std::move(image)), inode_(inode) {
  if (inode_.size == 0) return;
  switch (inode_.layout) {
    case kFlat:
    case kFlatInline: {
      const uint64_t tail = inode_.size - inline_start();
      if (inline_start() != 0) {
        image_->check_range(uint64_t{inode_.start} * kBlockSize, inline_start());
      }
      if (tail != 0 && inode_.body % kBlockSize + tail > kBlockSize) {
        throw Error(
            fmt::format("{} bytes behind inode {} cross the end of a block", tail, inode_.nid));
      }
      image_->check_range(inode_.body, tail);
      break;
    }
    case kChunks:
      check_chunks();
      break;
    case kFullIndex:
    case kCompactIndex:
      index_.emplace(*image_, inode_);
  }
}

/// Where the data ends that lies in blocks.
uint64_t FileSource::inline_start() const {
  if (inode_.layout == kFlat) return inode_.size;
  return (inode_.size - 1) / kBlockSize * kBlockSize;
}

void FileSource::check_chunks() {
  if ((inode_.start & 0xffff & ~(kChunkLogMask | kChunkIndexes)) != 0) {
    throw Error(fmt::format("bad format {:#x} of chunks", inode_.start & 0xffff));
  }
  const uint64_t count = ((inode_.size - 1) >> chunk_log(inode_)) + 1;
  image_->check_range(align_up(inode_.body, chunk_entry_size(inode_)),
                      checked_mul(count, chunk_entry_size(inode_), "table of chunks"));
}

void FileSource::read(uint64_t offset, std::span<uint8_t> into) const {
  image_->in_context([&] { read_part(offset, into); });
}

void FileSource::read_part(uint64_t offset, std::span<uint8_t> into) const {
  if (index_) {
    read_packed(offset, into);
  } else if (inode_.layout == kChunks) {
    read_chunks(offset, into);
  } else {
    read_flat(offset, into);
  }
}

void FileSource::read_flat(uint64_t offset, std::span<uint8_t> into) const {
  const uint64_t end_of_blocks = inline_start();
  if (offset < end_of_blocks) {
    const size_t part =
        static_cast<size_t>(std::min<uint64_t>(into.size(), end_of_blocks - offset));
    image_->read_data(uint64_t{inode_.start} * kBlockSize + offset, into.first(part));
    into = into.subspan(part);
    offset += part;
  }
  if (!into.empty()) image_->read(inode_.body + (offset - end_of_blocks), into);
}

void FileSource::read_chunks(uint64_t offset, std::span<uint8_t> into) const {
  const uint64_t entry_size = chunk_entry_size(inode_);
  const uint64_t table = align_up(inode_.body, entry_size);
  const uint64_t chunk_size = uint64_t{1} << chunk_log(inode_);
  while (!into.empty()) {
    const uint64_t within = offset % chunk_size;
    const size_t part = static_cast<size_t>(std::min<uint64_t>(into.size(), chunk_size - within));
    uint64_t entry = table + (offset >> chunk_log(inode_)) * entry_size;
    if (entry_size == sizeof(le64)) {
      if (const uint16_t device = image_->read_struct<le16>(entry + 2)) {
        throw Error(fmt::format("a chunk lies on device {}, which is not supported", device));
      }
      entry += sizeof(le32);
    }
    const uint32_t block = image_->read_struct<le32>(entry);
    if (block == kNoBlock) {
      std::fill_n(into.begin(), part, uint8_t{0});
    } else {
      image_->read_data(uint64_t{block} * kBlockSize + within, into.first(part));
    }
    into = into.subspan(part);
    offset += part;
  }
}

void FileSource::read_packed(uint64_t offset, std::span<uint8_t> into) const {
  while (!into.empty()) {
    const PackedExtent extent = index_->find(*image_, offset);
    const uint64_t within = offset - extent.start;
    const size_t part = static_cast<size_t>(std::min<uint64_t>(into.size(), extent.size - within));
    if (part == extent.size) {
      unpack(extent, into.first(part));
    } else {
      // The next read wants the rest.
      SharedBytes bytes = image_->unfolded().find(extent.position);
      if (!bytes || bytes->size() != extent.size) {
        Bytes unpacked(extent.size);
        unpack(extent, unpacked);
        bytes = std::make_shared<const Bytes>(std::move(unpacked));
        image_->unfolded().add(extent.position, bytes);
      }
      std::copy_n(bytes->begin() + static_cast<ptrdiff_t>(within), part, into.begin());
    }
    into = into.subspan(part);
    offset += part;
  }
}

void FileSource::unpack(const PackedExtent& extent, std::span<uint8_t> into) const {
  with_context(fmt::format("data at {}", extent.position), [&] {
    if (extent.is_plain) return image_->read_data(extent.position, into);
    image_->check_range(extent.position, extent.packed_size);
    Bytes packed(extent.packed_size);
    image_->read_data(extent.position, packed);
    ByteView data = packed;
    if (image_->has(kZeroPadding)) {
      auto start = std::find_if(packed.begin(), packed.begin() + kBlockSize,
                                [](uint8_t byte) { return byte != 0; });
      data = data.subspan(static_cast<size_t>(start - packed.begin()));
    }
    erofs::unpack(extent.algorithm, data, into, !image_->has(kZeroPadding));
  });
}

}  // namespace imagefmt::erofs
