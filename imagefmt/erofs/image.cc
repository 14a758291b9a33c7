// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/image.h"

#include <algorithm>

#include "imagefmt/erofs/checksum.h"

namespace imagefmt::erofs {

Image::Image(std::shared_ptr<const File> file)
    : file_(std::move(file)), context_(fmt::format("cannot read erofs image '{}'", file_->name())) {
  in_context([&] { read_superblock(); });
}

void Image::read_superblock() {
  const uint64_t file_size = file_->size_bytes();
  if (file_size < kBlockSize) {
    throw Error(fmt::format("{} bytes are too few for a superblock", file_size));
  }
  Bytes first(kBlockSize - kSuperblockOffset);
  file_->read_exactly(kSuperblockOffset, first);
  superblock_ = Cursor(first, "the superblock").take_struct<Superblock>();
  const Superblock& block = superblock_;
  if (block.magic != kMagic) {
    throw Error(
        fmt::format("bad magic: expected {:#x}, found {:#x}", kMagic, uint32_t{block.magic}));
  }
  if (block.block_log != kBlockLog || block.listing_log != 0) {
    throw Error(
        fmt::format("blocks of 2^{} bytes and listings of 2^{} blocks: expected 2^{} and 2^0",
                    block.block_log, block.listing_log, kBlockLog));
  }
  if (const uint32_t unknown =
          block.incompat_features & ~uint32_t{kZeroPadding | kBigClusters | kChunkedFiles}) {
    throw Error(fmt::format("features {:#x} are not supported", unknown));
  }
  if (block.compat_features & kHasChecksum) {
    std::fill_n(first.begin() + offsetof(Superblock, checksum), sizeof block.checksum, uint8_t{0});
    if (const uint32_t found = checksum(first); found != block.checksum) {
      throw Error(fmt::format("bad checksum: expected {:#x}, found {:#x}", uint32_t{block.checksum},
                              found));
    }
  }
  if (size_bytes() < kBlockSize || size_bytes() > file_size) {
    throw Error(fmt::format("it says that it has {} bytes, found {}", size_bytes(), file_size));
  }
}

void Image::check_range(uint64_t position, uint64_t size) const {
  if (position <= size_bytes() && size <= size_bytes() - position) return;
  throw Error(fmt::format("{} bytes at {} lie outside of the image", size, position));
}

void Image::read(uint64_t position, std::span<uint8_t> into) const {
  check_range(position, into.size());
  while (!into.empty()) {
    const uint64_t start = position / kBlockSize * kBlockSize;
    SharedBytes block = blocks_.find(start);
    if (!block) {
      Bytes bytes(kBlockSize);
      file_->read_exactly(start, bytes);
      block = std::make_shared<const Bytes>(std::move(bytes));
      blocks_.add(start, block);
    }
    ByteView part = ByteView(*block).subspan(position - start);
    part = part.first(std::min(part.size(), into.size()));
    std::copy(part.begin(), part.end(), into.begin());
    into = into.subspan(part.size());
    position += part.size();
  }
}

std::string Image::read_text(uint64_t position, size_t size) const {
  check_range(position, size);
  std::string text(size, '\0');
  read(position, {reinterpret_cast<uint8_t*>(text.data()), size});
  return text;
}

void Image::read_data(uint64_t position, std::span<uint8_t> into) const {
  check_range(position, into.size());
  file_->read_exactly(position, into);
}

Inode Image::read_inode(uint64_t nid) const {
  const uint64_t origin = uint64_t{superblock_.inode_start} * kBlockSize;
  if (origin > size_bytes() || nid > (size_bytes() - origin) / kSlotSize) {
    throw Error(fmt::format("inode {} lies outside of the image", nid));
  }
  const uint64_t position = origin + nid * kSlotSize;
  const uint16_t format = read_struct<le16>(position);
  const uint16_t layout = format >> kLayoutShift & kLayoutMask;
  if (format & ~kFormatMask || layout > kChunks) {
    throw Error(fmt::format("bad format {:#x} of inode {}", format, nid));
  }
  Inode inode{};
  inode.nid = nid;
  inode.layout = static_cast<Layout>(layout);
  auto take = [&](const auto& fields) {
    inode.mode = fields.mode;
    inode.size = fields.size;
    inode.start = fields.start;
    inode.uid = fields.uid;
    inode.gid = fields.gid;
    inode.xattrs = position + sizeof fields;
    const uint16_t count = fields.xattr_count;
    if (count != 0) inode.xattr_bytes = sizeof(XattrHeader) + (count - 1) * uint64_t{kXattrUnit};
  };
  if (format & kExtended) {
    const ExtendedInode fields = read_struct<ExtendedInode>(position);
    take(fields);
    inode.mtime = static_cast<int64_t>(uint64_t{fields.mtime});
  } else {
    take(read_struct<CompactInode>(position));
    inode.mtime = static_cast<int64_t>(uint64_t{superblock_.build_time});
  }
  inode.body = inode.xattrs + inode.xattr_bytes;
  return inode;
}

}  // namespace imagefmt::erofs
