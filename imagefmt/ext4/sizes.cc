// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/sizes.h"

namespace imagefmt::ext4 {

namespace {

void count_files(const Plan& plan, WrittenImage& written) {
  size_t next_run = plan.first_file_run;
  for (const PlannedInode& inode : plan.inodes) {
    const Regular* file = inode.node->regular();
    if (!file) continue;
    uint64_t size = 0;
    for (const Run& run : plan.runs_of(inode)) size += run.count * uint64_t{kBlockSize};
    const bool is_equal = inode.run_count != 0 && inode.first_run != next_run;
    written.file_bytes.push_back(is_equal ? 0 : size);
    if (is_equal) {
      ++written.equal_files;
      written.saved_bytes += size;
      continue;
    }
    next_run += inode.run_count;
    if (inode.run_count == 0) continue;
    const Run& last = plan.runs_of(inode).back();
    const uint64_t end = (uint64_t{last.logical} + last.count) * kBlockSize;
    const uint64_t file_size = file->content.size_bytes();
    if (end > file_size) written.file_padding += end - file_size;
  }
}

}  // namespace

WrittenImage written_image(const Plan& plan) {
  WrittenImage written;
  count_files(plan, written);
  auto bytes_of_region = [](const Region& region) { return region.block_count * kBlockSize; };
  written.directories = bytes_of_region(plan.directories);
  written.indexes = bytes_of_region(plan.extents);

  uint64_t in_inodes = 0;
  for (const PlannedInode& inode : plan.inodes) {
    if (inode.xattr_set != kNone) in_inodes += plan.attributes.inode_part(inode.xattr_set).size();
  }
  written.xattrs = bytes_of_region(plan.xattrs) + in_inodes;
  const Geometry& geometry = plan.geometry;
  const uint64_t used = uint64_t{geometry.used_inodes} * geometry.inode_size;
  written.inodes = used - in_inodes + bytes_of_region(plan.symlinks);

  uint64_t copies = 0, copies_in_free = 0;  // blocks
  for (const uint32_t group : geometry.backup_groups) {
    copies += geometry.backup_blocks();
    if (uint64_t{group} * geometry.blocks_per_group >= geometry.first_free) {
      copies_in_free += geometry.backup_blocks();
    }
  }
  written.superblock = (geometry.inode_tables + copies) * kBlockSize + plan.journal_bytes();
  const uint64_t free_inodes = geometry.inode_count() - geometry.used_inodes;
  const uint64_t free_blocks = geometry.block_count - geometry.first_free - copies_in_free;
  written.free = free_inodes * geometry.inode_size + free_blocks * kBlockSize;
  return written;
}

}  // namespace imagefmt::ext4
