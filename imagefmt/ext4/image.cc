// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/image.h"

#include <bit>

#include "imagefmt/ext4/geometry.h"

namespace imagefmt::ext4 {

namespace {

constexpr uint32_t kMaxLogBlockSize = 6;
constexpr size_t kSmallDescriptor = 32;
/// What changes nothing of what is read here, or is seen at the inodes that have it: file types,
/// extents, 64 bits, mount protection, flexible groups, values in inodes, a seed for checksums, large
/// directories, inline data, encryption, case folding.
constexpr uint32_t kReadableIncompat = kFileType | kMetaGroups | kExtents | k64Bit | 0x100 |
                                       kFlexGroups | 0x400 | 0x2000 | 0x4000 | 0x8000 | 0x10000 |
                                       0x20000;
constexpr uint32_t kNeedsRecovery = 0x4;

}  // namespace

Image::Image(std::shared_ptr<const File> file)
    : file_(std::move(file)), context_(fmt::format("cannot read ext4 image '{}'", file_->name())) {
  in_context([&] {
    read_superblock();
    read_descriptors();
  });
}

void Image::read_superblock() {
  const uint64_t file_size = file_->size_bytes();
  if (file_size < kSuperblockOffset + sizeof(Superblock)) {
    throw Error(fmt::format("{} bytes are too few for a superblock", file_size));
  }
  file_->read_exactly(kSuperblockOffset,
                      {reinterpret_cast<uint8_t*>(&superblock_), sizeof superblock_});
  const Superblock& block = superblock_;
  if (block.magic != kMagic) {
    throw Error(
        fmt::format("bad magic: expected {:#x}, found {:#x}", kMagic, uint16_t{block.magic}));
  }
  if (block.revision != kDynamicRevision) {
    throw Error(fmt::format("bad revision: expected {}, found {}", kDynamicRevision,
                            uint32_t{block.revision}));
  }
  if (block.incompat & kNeedsRecovery) throw Error("its journal has not been replayed");
  if (const uint32_t unknown = block.incompat & ~kReadableIncompat; unknown != 0) {
    throw Error(fmt::format("it has features that are not known: {:#x}", unknown));
  }
  if (block.log_block_size > kMaxLogBlockSize) {
    throw Error(fmt::format("bad block size 2^{}", uint64_t{block.log_block_size} + 10));
  }
  block_size_ = 1024u << block.log_block_size;
  inode_size_ = block.inode_size;
  if (inode_size_ < kOldInodeSize || inode_size_ > block_size_ ||
      !std::has_single_bit(inode_size_)) {
    throw Error(fmt::format("bad inode size {}", inode_size_));
  }
  block_count_ = block.block_count_low;
  if (block.incompat & k64Bit) block_count_ = join32(block.block_count_low, block.block_count_high);
  if (block_count_ > file_size / block_size_) {
    throw Error(fmt::format("it says that it has {} blocks of {} bytes, found {} bytes",
                            block_count_, block_size_, file_size));
  }
  const uint32_t most = 8 * block_size_;
  if (block.blocks_per_group == 0 || block.inodes_per_group == 0 || block.inodes_per_group > most ||
      block.first_data_block >= block_count_) {
    throw Error(fmt::format("bad groups of {} blocks and {} inodes from block {} on",
                            uint32_t{block.blocks_per_group}, uint32_t{block.inodes_per_group},
                            uint32_t{block.first_data_block}));
  }
  const uint64_t blocks = block_count_ - block.first_data_block;
  group_count_ = (blocks + block.blocks_per_group - 1) / block.blocks_per_group;
  if (group_count_ * block.inodes_per_group != block.inode_count) {
    throw Error(fmt::format("{} inodes in {} groups of {}", uint32_t{block.inode_count},
                            group_count_, uint32_t{block.inodes_per_group}));
  }
  // An entry of a tree takes more memory than the least of an image that can make one.
  budget_ = (uint64_t{64} << 20) + 64 * block_count_ * block_size_;
}

void Image::read_descriptors() {
  const bool large = superblock_.incompat & k64Bit;
  const size_t size = large ? size_t{superblock_.descriptor_size} : kSmallDescriptor;
  if (large && (size < sizeof(GroupDescriptor) || size > 1024 || !std::has_single_bit(size))) {
    throw Error(fmt::format("bad size of group descriptors {}", size));
  }
  const uint64_t per_block = block_size_ / size;
  charge(group_count_ * size);
  Bytes block(block_size_);
  for (uint64_t group = 0; group < group_count_; ++group) {
    if (group % per_block == 0) {
      const uint64_t place = place_of_descriptors(group / per_block, per_block);
      if (place >= block_count_) throw Error("the group descriptors lie outside of the image");
      file_->read_exactly(place * block_size_, block);
    }
    const ByteView bytes = ByteView(block).subspan(group % per_block * size, size);
    const uint32_t low = struct_at<le32>(bytes, offsetof(GroupDescriptor, inode_table_low));
    const uint32_t high =
        large ? uint32_t{struct_at<le32>(bytes, offsetof(GroupDescriptor, inode_table_high))} : 0;
    inode_tables_.push_back(join32(low, high));
  }
}

/// The block number `number` of the group descriptors. They follow the superblock; from the first
/// meta group on, the first group that a block describes has it.
uint64_t Image::place_of_descriptors(uint64_t number, uint64_t per_block) const {
  const Superblock& block = superblock_;
  const uint64_t first = block.first_data_block;
  if (!(block.incompat & kMetaGroups) || number < block.first_meta_group) return first + 1 + number;
  const uint64_t group = number * per_block;
  bool has_copy = true;
  if (group != 0 && (block.compat & kSparseSuper2)) {
    has_copy = group == block.backup_groups[0] || group == block.backup_groups[1];
  } else if (group != 0 && (block.read_only_compat & kSparseSuper)) {
    has_copy = has_sparse_copy(group);
  }
  return first + group * block.blocks_per_group + has_copy;
}

ByteView Image::read_inode(uint32_t number) {
  if (number == 0 || number > superblock_.inode_count) {
    throw Error(fmt::format("inode {} is not among {}", number, uint32_t{superblock_.inode_count}));
  }
  const uint32_t group = (number - 1) / superblock_.inodes_per_group;
  const uint64_t offset = uint64_t{(number - 1) % superblock_.inodes_per_group} * inode_size_;
  const uint64_t block = checked_add(inode_tables_[group], offset / block_size_, "inode table");
  if (block != inodes_block_ || inodes_.empty()) {
    inodes_.resize(block_size_);
    inodes_block_ = 0;
    read(block, 0, inodes_);
    inodes_block_ = block;
  }
  const ByteView inode = ByteView(inodes_).subspan(offset % block_size_, inode_size_);
  if (struct_at<le16>(inode, offsetof(Inode, link_count)) == 0) {
    throw Error(fmt::format("inode {} is not in use", number));
  }
  return inode;
}

void Image::read(uint64_t block, uint64_t offset, std::span<uint8_t> into) const {
  const uint64_t blocks = (offset + into.size() + block_size_ - 1) / block_size_;
  if (block == 0 || block >= block_count_ || blocks > block_count_ - block) {
    throw Error(fmt::format("block {} is not among {}", block, block_count_));
  }
  file_->read_exactly(block * block_size_ + offset, into);
}

void Image::charge(uint64_t bytes) {
  charged_ += bytes;
  if (bytes > budget_ || charged_ > budget_) {
    throw Error(
        fmt::format("its {} blocks unfold to a tree of more than {} bytes", block_count_, budget_));
  }
}

void FileSource::read(uint64_t offset, std::span<uint8_t> into) const {
  image_->in_context([&] { image_->read_file(root_, offset, into); });
}

}  // namespace imagefmt::ext4
