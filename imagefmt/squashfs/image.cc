// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/image.h"

#include <algorithm>
#include <bit>

namespace imagefmt::squashfs {

/// A decompressor for the length of a scope: each is for one thread at a time.
class Image::WorkerLease {
 public:
  explicit WorkerLease(const Image& image) : image_(image) {
    {
      std::lock_guard lock(image_.workers_mutex_);
      if (!image_.idle_workers_.empty()) {
        worker_ = std::move(image_.idle_workers_.back());
        image_.idle_workers_.pop_back();
      }
    }
    if (!worker_) {
      worker_ = std::unique_ptr<Worker>(
          new Worker{Decompressor(image_.superblock_.compressor, image_.block_size_), {}});
    }
  }
  WorkerLease(const WorkerLease&) = delete;
  WorkerLease& operator=(const WorkerLease&) = delete;
  ~WorkerLease() {
    std::lock_guard lock(image_.workers_mutex_);
    image_.idle_workers_.push_back(std::move(worker_));
  }
  Worker* operator->() { return worker_.get(); }

 private:
  const Image& image_;
  std::unique_ptr<Worker> worker_;
};

Image::Image(std::shared_ptr<const File> file)
    : file_(std::move(file)),
      context_(fmt::format("cannot read squashfs image '{}'", file_->name())) {
  in_context([&] {
    read_superblock();
    ids_ = read_table<le32>(superblock_.id_table, superblock_.id_count, "id table");
    if (superblock_.fragment_count != 0 && superblock_.fragment_table != kNoTable) {
      fragments_ = read_table<FragmentEntry>(superblock_.fragment_table, superblock_.fragment_count,
                                             "fragment table");
    }
    if (superblock_.xattr_table != kNoTable) {
      if (superblock_.xattr_table > bytes_used_ - sizeof(XattrTableHeader)) {
        throw Error("the xattr table lies outside of the image");
      }
      XattrTableHeader header;
      file_->read_exactly(superblock_.xattr_table,
                          {reinterpret_cast<uint8_t*>(&header), sizeof header});
      xattr_entries_ = header.entries;
      xattr_sets_ = read_table<XattrSet>(superblock_.xattr_table + sizeof header, header.count,
                                         "xattr table");
    }
  });
}

void Image::read_superblock() {
  uint64_t file_size = file_->size_bytes();
  if (file_size < sizeof(Superblock)) {
    throw Error(fmt::format("{} bytes are too few for a superblock", file_size));
  }
  file_->read_exactly(0, {reinterpret_cast<uint8_t*>(&superblock_), sizeof superblock_});
  const Superblock& block = superblock_;
  if (block.magic != kMagic) {
    throw Error(
        fmt::format("bad magic: expected {:#x}, found {:#x}", kMagic, uint32_t{block.magic}));
  }
  if (block.major != 4 || block.minor != 0) {
    throw Error(fmt::format("bad version: expected 4.0, found {}.{}", uint16_t{block.major},
                            uint16_t{block.minor}));
  }
  block_size_ = block.block_size;
  if (block_size_ < kMinBlockSize || block_size_ > kMaxBlockSize ||
      !std::has_single_bit(block_size_) ||
      block.block_log != static_cast<uint32_t>(__builtin_ctz(block_size_))) {
    throw Error(fmt::format("bad block size {} (2^{})", block_size_, uint16_t{block.block_log}));
  }
  bytes_used_ = block.bytes_used;
  if (bytes_used_ < sizeof(Superblock) || bytes_used_ > file_size) {
    throw Error(fmt::format("it says that it has {} bytes, found {}", bytes_used_, file_size));
  }
  if (block.inode_table < sizeof(Superblock) || block.directory_table > bytes_used_ ||
      block.inode_table >= block.directory_table) {
    throw Error(fmt::format("bad places of the inode table {} and the directory table {}",
                            uint64_t{block.inode_table}, uint64_t{block.directory_table}));
  }
  unfolding_ = Unfolding(bytes_used_);
  if (block.inode_count == 0 || block.inode_count > unfolding_.limit() / sizeof(InodeHeader)) {
    throw Error(fmt::format("{} inodes in {} bytes", uint32_t{block.inode_count}, bytes_used_));
  }
  // Fails now if there is none for this image.
  Decompressor(block.compressor, block_size_);
}

template <class Entry>
std::vector<Entry> Image::read_table(uint64_t list, uint64_t count, std::string_view what) {
  return with_context(what, [&] {
    uint64_t block_count = (count * sizeof(Entry) + kMetadataBlockSize - 1) / kMetadataBlockSize;
    if (list > bytes_used_ || block_count * sizeof(le64) > bytes_used_ - list) {
      throw Error(fmt::format("{} entries listed at {} lie outside of the image", count, list));
    }
    charge(count * sizeof(Entry));
    std::vector<le64> positions(block_count);
    file_->read_exactly(
        list, {reinterpret_cast<uint8_t*>(positions.data()), positions.size() * sizeof(le64)});
    std::vector<Entry> entries(count);
    std::span<uint8_t> left(reinterpret_cast<uint8_t*>(entries.data()), count * sizeof(Entry));
    for (uint64_t position : positions) {
      size_t part = std::min<size_t>(left.size(), kMetadataBlockSize);
      SharedBlock block = metadata_block(position);
      if (block->bytes.size() < part) {
        throw Error(fmt::format("metadata block at {}: {} bytes, expected {}", position,
                                block->bytes.size(), part));
      }
      std::copy_n(block->bytes.begin(), part, left.begin());
      left = left.subspan(part);
    }
    return entries;
  });
}

uint32_t Image::id(uint16_t index) const {
  if (index >= ids_.size()) {
    throw Error(fmt::format("user or group {} is not among {} ids", index, ids_.size()));
  }
  return ids_[index];
}

MetadataPlace Image::place(uint64_t table, uint64_t reference) const {
  MetadataPlace place{table + (reference >> 16), static_cast<uint32_t>(reference & 0xffff)};
  if (table > bytes_used_ || place.block >= bytes_used_ || place.offset >= kMetadataBlockSize) {
    throw Error(fmt::format("reference {:#x} leads outside of the image", reference));
  }
  return place;
}

SharedBlock Image::metadata_block(uint64_t position) const {
  if (SharedBlock cached = metadata_cache_.find(position)) return cached;
  return with_context(fmt::format("metadata block at {}", position), [&]() -> SharedBlock {
    if (position < sizeof(Superblock) || position > bytes_used_ - sizeof(le16)) {
      throw Error("outside of the image");
    }
    WorkerLease worker(*this);
    Bytes& packed = worker->packed;
    packed.resize(std::min<uint64_t>(sizeof(le16) + kMetadataBlockSize, bytes_used_ - position));
    file_->read_exactly(position, packed);
    Cursor cursor(packed, "it");
    uint16_t header = cursor.take_struct<le16>();
    uint16_t size = header & (kMetadataStored - 1);
    if (size == 0 || size > kMetadataBlockSize) {
      throw Error(fmt::format("bad size {}, expected 1 to {}", size, kMetadataBlockSize));
    }
    ByteView stored = cursor.take(size);
    Block block{{}, position + sizeof(le16) + size};
    if (header & kMetadataStored) {
      block.bytes.assign(stored.begin(), stored.end());
    } else {
      block.bytes.resize(kMetadataBlockSize);
      block.bytes.resize(worker->decompressor.decompress(stored, block.bytes));
    }
    SharedBlock shared = std::make_shared<const Block>(std::move(block));
    metadata_cache_.add(position, shared);
    return shared;
  });
}

size_t Image::unfold(uint64_t start, uint32_t size, std::span<uint8_t> into) const {
  return with_context(fmt::format("data block at {}", start), [&]() -> size_t {
    uint32_t packed_size = size & kBlockSizeMask;
    if ((size & ~(kBlockSizeMask | kBlockStored)) != 0 || packed_size == 0 ||
        packed_size > block_size_) {
      throw Error(fmt::format("bad size {:#x}", size));
    }
    if (start < sizeof(Superblock) || start > bytes_used_ || packed_size > bytes_used_ - start) {
      throw Error("outside of the image");
    }
    if (size & kBlockStored) {
      if (packed_size > into.size()) throw Error("more bytes than expected");
      file_->read_exactly(start, into.first(packed_size));
      return packed_size;
    }
    WorkerLease worker(*this);
    worker->packed.resize(packed_size);
    file_->read_exactly(start, worker->packed);
    return worker->decompressor.decompress(worker->packed, into);
  });
}

void Image::read_block(uint64_t start, uint32_t size, std::span<uint8_t> into) const {
  size_t found = unfold(start, size, into);
  if (found != into.size()) {
    throw Error(fmt::format("data block at {}: {} bytes, expected {}", start, found, into.size()));
  }
}

SharedBlock Image::shared_block(uint64_t start, uint32_t size) const {
  if (SharedBlock cached = block_cache_.find(start)) return cached;
  Block block{Bytes(block_size_), start + (size & kBlockSizeMask)};
  block.bytes.resize(unfold(start, size, block.bytes));
  SharedBlock shared = std::make_shared<const Block>(std::move(block));
  block_cache_.add(start, shared);
  return shared;
}

void MetadataReader::go_to(MetadataPlace place) {
  if (!block_ || place.block != position_) {
    block_ = image_.metadata_block(place.block);
    position_ = place.block;
  }
  offset_ = place.offset;
  if (offset_ > block_->bytes.size()) {
    throw Error(fmt::format("metadata block at {} has no byte {}", position_, offset_));
  }
}

ByteView MetadataReader::rest() {
  if (offset_ == block_->bytes.size()) {
    uint64_t next = block_->end;
    block_ = image_.metadata_block(next);
    position_ = next;
    offset_ = 0;
    if (block_->bytes.empty()) throw Error(fmt::format("metadata block at {} is empty", next));
  }
  return ByteView(block_->bytes).subspan(offset_);
}

void MetadataReader::read(std::span<uint8_t> into) {
  while (!into.empty()) {
    ByteView part = rest();
    part = part.first(std::min(part.size(), into.size()));
    std::copy(part.begin(), part.end(), into.begin());
    into = into.subspan(part.size());
    offset_ += part.size();
  }
}

void MetadataReader::skip(uint64_t count) {
  while (count != 0) {
    size_t part = static_cast<size_t>(std::min<uint64_t>(rest().size(), count));
    offset_ += part;
    count -= part;
  }
}

std::string MetadataReader::read_text(size_t size) {
  std::string text(size, '\0');
  read({reinterpret_cast<uint8_t*>(text.data()), size});
  return text;
}

}  // namespace imagefmt::squashfs
