// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/inode.h"

#include <algorithm>

namespace imagefmt::ext4 {

namespace {

constexpr uint32_t kSectorsPerBlock = kBlockSize / 512;

uint64_t size_of(const Plan& plan, const PlannedInode& inode) {
  if (const Regular* file = inode.node->regular()) return file->content.size_bytes();
  if (const Symlink* link = inode.node->symlink()) return link->target.size();
  if (inode.node->directory()) return plan.runs_of(inode)[0].count * uint64_t{kBlockSize};
  return 0;
}

uint32_t link_count(const Node& node) {
  const Directory* directory = node.directory();
  if (!directory) return 1;
  uint64_t count = 2;
  for (const Entry& entry : directory->entries) count += entry.node.directory() != nullptr;
  return count > kMaxLinks ? 1 : low32(count);  // 1: nobody has counted
}

/// The bits of a time that do not fit into 32.
uint32_t epoch_of(int64_t time) {
  return static_cast<uint32_t>((time - static_cast<int32_t>(time)) >> 32) & 3;
}

void set_times(Inode& inode, int64_t time) {
  inode.atime = inode.ctime = inode.mtime = inode.crtime = static_cast<uint32_t>(time);
  inode.atime_extra = inode.ctime_extra = inode.mtime_extra = inode.crtime_extra = epoch_of(time);
}

/// Its place, or what stands there instead.
void set_content(const Plan& plan, const PlannedInode& planned, uint32_t seed, Inode& inode) {
  const std::span<uint8_t> block(inode.block);
  if (const Device* device = planned.node->device()) {
    serialize_device(*device, block);
    return;
  }
  if (const Symlink* link = planned.node->symlink();
      link && link->target.size() <= kMaxShortTarget) {
    std::copy(link->target.begin(), link->target.end(), block.begin());
    return;
  }
  uint32_t flags = kInodeExtents;
  if (planned.node->directory() && plan.runs_of(planned)[0].count > 1) flags |= kInodeIndexed;
  inode.flags = flags;
  Bytes tree(planned.tree_blocks * size_t{kBlockSize});  // written elsewhere
  serialize_extents(plan.runs_of(planned), planned.first_tree_block, seed, block, tree);
}

}  // namespace

void serialize_inode(const Plan& plan, const PlannedInode& planned, uint32_t number,
                     std::span<uint8_t> into) {
  const Node& node = *planned.node;
  Inode& inode = struct_at<Inode>(into, 0);
  inode.mode = static_cast<uint16_t>(mode_bits(node_type(node)) | node.mode);
  inode.uid_low = low16(node.uid);
  inode.uid_high = low16(node.uid >> 16);
  inode.gid_low = low16(node.gid);
  inode.gid_high = low16(node.gid >> 16);
  const uint64_t size = size_of(plan, planned);
  inode.size_low = low32(size);
  inode.size_high = high32(size);
  inode.link_count = low16(link_count(node));
  inode.extra_size = low16(kExtraInodeSize32);
  set_times(inode, node.mtime);
  const uint32_t seed = plan.seeds.of_inode(number);
  set_content(plan, planned, seed, inode);

  uint64_t blocks = planned.tree_blocks;
  for (const Run& run : plan.runs_of(planned)) blocks += run.count;
  if (planned.xattr_block != kNone) {
    ++blocks;
    const uint64_t place = plan.xattrs.first_block + planned.xattr_block;
    inode.xattr_block_low = low32(place);
    inode.xattr_block_high = low16(high32(place));
  }
  inode.sector_count = low32(blocks * kSectorsPerBlock);
  inode.sector_count_high = low16(high32(blocks * kSectorsPerBlock));
  if (planned.xattr_set != kNone) {
    const Bytes& part = plan.attributes.inode_part(planned.xattr_set);
    std::copy(part.begin(), part.end(), into.begin() + sizeof(Inode));
  }
  const uint32_t checksum = crc32c(seed, into);
  inode.checksum_low = low16(checksum);
  inode.checksum_high = low16(checksum >> 16);
}

void serialize_device(const Device& device, std::span<uint8_t> into) {
  if (device.major < 256 && device.minor < 256) {
    struct_at<le32>(into, 0) = device.major << 8 | device.minor;
  } else {
    struct_at<le32>(into, sizeof(le32)) =
        (device.minor & 0xff) | device.major << 8 | (device.minor & ~0xffu) << 12;
  }
}

Device parse_device(Device::Kind kind, ByteView block) {
  if (kind == Device::Kind::kFifo || kind == Device::Kind::kSocket) return {kind};
  const uint32_t old_number = struct_at<le32>(block, 0);
  if (old_number != 0) return {kind, old_number >> 8 & 0xff, old_number & 0xff};
  const uint32_t number = struct_at<le32>(block, sizeof(le32));
  return {kind, number >> 8 & 0xfff, (number & 0xff) | (number >> 12 & 0xfff00)};
}

}  // namespace imagefmt::ext4
