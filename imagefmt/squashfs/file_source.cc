// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/file_source.h"

#include <algorithm>
#include <optional>

namespace imagefmt::squashfs {

FileSource::FileSource(std::shared_ptr<const Image> image, const FileShape& shape)
    : image_(std::move(image)), shape_(shape), next_{0, shape.start, shape.block_sizes} {
  uint32_t block_size = image_->block_size();
  // The smallest metadata block has 3 bytes.
  uint64_t most_metadata = (image_->superblock().bytes_used / 3 + 1) * kMetadataBlockSize;
  if (shape.block_count(block_size) > most_metadata / sizeof(le32)) {
    throw Error(fmt::format("a file of {} bytes has too many blocks for the image", shape.size));
  }
  if (shape.fragment == kNoFragment) return;
  if (shape.fragment >= image_->fragments().size()) {
    throw Error(
        fmt::format("fragment {} is not among {}", shape.fragment, image_->fragments().size()));
  }
  uint64_t end = shape.fragment_offset + shape.size % block_size;
  if (end > block_size) {
    throw Error(fmt::format("bytes {} to {} of a fragment, expected at most {}",
                            shape.fragment_offset, end, block_size));
  }
}

void FileSource::read(uint64_t offset, std::span<uint8_t> into) const {
  image_->in_context([&] {
    Position position{0, shape_.start, shape_.block_sizes};
    {
      std::lock_guard lock(mutex_);
      if (next_.index <= offset / image_->block_size()) position = next_;
    }
    read_from(position, offset, into);
    std::lock_guard lock(mutex_);
    next_ = position;
  });
}

void FileSource::read_from(Position& position, uint64_t offset, std::span<uint8_t> into) const {
  uint64_t block_size = image_->block_size();
  uint64_t block_count = shape_.block_count(image_->block_size());
  uint64_t end = offset + into.size();
  std::optional<MetadataReader> sizes;
  while (position.index < block_count && position.index * block_size < end) {
    if (!sizes) sizes.emplace(*image_, position.entry);
    uint32_t size = sizes->read_struct<le32>();
    uint64_t begin = position.index * block_size;
    uint64_t expected = std::min(block_size, shape_.size - begin);
    uint64_t from = std::max(begin, offset), to = std::min(begin + expected, end);
    if (from < to) {
      read_part(position, size, from - begin, expected, into.subspan(from - offset, to - from));
    }
    if (end < begin + expected) return;  // the next read needs the rest of the block
    position = {position.index + 1, position.start + (size & kBlockSizeMask), sizes->place()};
  }
  uint64_t fragment_begin = block_count * block_size;
  if (end <= fragment_begin) return;
  uint64_t from = std::max(fragment_begin, offset);
  std::span<uint8_t> part = into.subspan(from - offset);
  const FragmentEntry& fragment = image_->fragments()[shape_.fragment];
  SharedBlock block = image_->shared_block(fragment.start, fragment.size);
  uint64_t place = shape_.fragment_offset + (from - fragment_begin);
  if (place + part.size() > block->bytes.size()) {
    throw Error(fmt::format("fragment {} has {} bytes, expected {}", shape_.fragment,
                            block->bytes.size(), place + part.size()));
  }
  std::copy_n(block->bytes.begin() + static_cast<ptrdiff_t>(place), part.size(), part.begin());
}

/// Reads the `into.size()` bytes at `skip` of a block of `expected` bytes.
void FileSource::read_part(const Position& position, uint32_t size, uint64_t skip,
                           uint64_t expected, std::span<uint8_t> into) const {
  if ((size & kBlockSizeMask) == 0) {
    std::fill(into.begin(), into.end(), uint8_t{0});
  } else if (into.size() == expected) {
    image_->read_block(position.start, size, into);
  } else {
    SharedBlock block = image_->shared_block(position.start, size);
    if (block->bytes.size() != expected) {
      throw Error(fmt::format("data block at {}: {} bytes, expected {}", position.start,
                              block->bytes.size(), expected));
    }
    std::copy_n(block->bytes.begin() + static_cast<ptrdiff_t>(skip), into.size(), into.begin());
  }
}

}  // namespace imagefmt::squashfs
