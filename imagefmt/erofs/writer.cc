// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "imagefmt/erofs/checksum.h"
#include "imagefmt/erofs/erofs.h"
#include "imagefmt/erofs/files.h"
#include "imagefmt/erofs/packer.h"
#include "imagefmt/identity.h"
#include "imagefmt/node_faults.h"

namespace imagefmt {

using namespace erofs;

namespace {

constexpr size_t kMaxVolumeName = sizeof(Superblock::volume_name) - 1;

std::vector<std::string> faults_of(const Node& node) {
  std::vector<std::string> faults = common_faults(node, "erofs");
  if (node.label.text().size() >= kMaxXattrValue) {
    faults.push_back(fmt::format("a label of {} bytes does not fit", node.label.text().size()));
  }
  if (node.xattrs) {
    for (const auto& [name, value] : *node.xattrs) {
      std::string fault = xattr_fault(name, value);
      if (!fault.empty()) faults.push_back(std::move(fault));
    }
  }
  if (faults.empty() && xattr_bytes(node) > kMaxXattrBytes) {
    faults.push_back(fmt::format("xattrs of {} bytes do not fit, erofs holds {}", xattr_bytes(node),
                                 kMaxXattrBytes));
  }
  return faults;
}

/// Throws unless the format can hold every node.
void check_tree(const FileTree& tree) {
  Faults faults;
  const uint64_t inodes = find_faults(tree, faults_of, faults);
  if (inodes > UINT32_MAX) {
    faults.add(fmt::format("cannot write {} inodes: erofs holds {}", inodes, UINT32_MAX));
  }
  faults.throw_if_any();
}

Superblock make_superblock(const FileTree& tree, const ErofsOptions& options,
                           const Skeleton& skeleton, uint64_t block_count) {
  Superblock superblock{};
  superblock.magic = kMagic;
  superblock.compat_features = kHasChecksum | kHasMtimes;
  superblock.block_log = kBlockLog;
  superblock.root_nid = static_cast<uint16_t>(skeleton.root_nid());
  superblock.inode_count = skeleton.inode_count();
  superblock.build_time = static_cast<uint64_t>(options.image_mtime);
  superblock.block_count = static_cast<uint32_t>(block_count);
  superblock.xattr_start = static_cast<uint32_t>(skeleton.xattr_block());
  const Digest uuid = derive(identity_of(tree, options.identity), "erofs uuid");
  std::copy_n(uuid.begin(), sizeof superblock.uuid, superblock.uuid);
  std::copy(options.volume_name.begin(), options.volume_name.end(), superblock.volume_name);
  if (options.compression != Compression::kNone) superblock.incompat_features = kZeroPadding;
  if (options.compression == Compression::kZstd) {
    superblock.incompat_features = superblock.incompat_features | kBigClusters;
    superblock.algorithms = 1 << kZstd;
  }
  return superblock;
}

/// The first block, with its checksum.
Bytes serialize_first_block(Superblock superblock) {
  Bytes block(kBlockSize);
  auto put = [&](uint64_t place, ByteView bytes) {
    std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<ptrdiff_t>(place));
  };
  if (superblock.incompat_features & kBigClusters) {
    ZstdSettings settings{};
    settings.size = sizeof settings - sizeof settings.size;
    settings.window_log = kMaxExtentLog - kLeastWindowLog;
    put(kSuperblockOffset + sizeof superblock, bytes_of(settings));
  }
  put(kSuperblockOffset, bytes_of(superblock));
  superblock.checksum = checksum(ByteView(block).subspan(kSuperblockOffset));
  put(kSuperblockOffset, bytes_of(superblock));
  return block;
}

/// All that the stored bytes of a file depend on besides its own and the size of its inode.
std::string settings_of(const ErofsOptions& options) {
  return fmt::format("erofs, {}, level {}, intaglio {}", versioned_name(options.compression),
                     checked_level(options.compression, options.level), INTAGLIO_VERSION);
}

/// The tree and the options have been checked; `known` may be null.
WrittenImage write_image(const FileTree& tree, const ErofsOptions& options, const KnownFiles* known,
                         File& out, Reporter& reporter) {
  const XattrTable xattrs(tree);
  Skeleton skeleton(tree, xattrs, options.image_mtime);

  // A reader must not take what stood in `out` for an image while this one is made.
  out.resize(0);
  std::optional<Algorithm> algorithm;
  if (options.compression != Compression::kNone) algorithm = algorithm_of(options.compression);
  WrittenImage written = skeleton.sizes();
  written.superblock = kSuperblockOffset + sizeof(Superblock);
  if (algorithm == kZstd) written.superblock += sizeof(ZstdSettings);
  written.padding += Skeleton::kFirstBlock * kBlockSize - written.superblock;
  Output data(out, skeleton.end_block() * kBlockSize);
  const Bytes lists = write_files(tree, xattrs,
                                  {.algorithm = algorithm,
                                   .level = checked_level(options.compression, options.level),
                                   .jobs = options.jobs,
                                   .build_time = options.image_mtime},
                                  known, skeleton, data, written, reporter);
  data.flush();

  // From here on every inode has its place, and listings can point to them.
  Stage stage(reporter, "writing metadata");
  const uint64_t block_count = data.position() / kBlockSize;
  if (block_count > UINT32_MAX) {
    throw Error(fmt::format("cannot write {} blocks of {} bytes: erofs holds {}", block_count,
                            kBlockSize, UINT32_MAX));
  }
  out.write(Skeleton::kFirstBlock * kBlockSize, skeleton.serialize());
  // The last write makes it an image.
  out.write(0, serialize_first_block(make_superblock(tree, options, skeleton, block_count)));
  stage.count(Work::kWritten, skeleton.end_block() * kBlockSize);
  written.index = serialize_index(out, settings_of(options), lists);
  return written;
}

}  // namespace

void check_erofs_options(const ErofsOptions& options) {
  checked_level(options.compression, options.level);
  if (options.volume_name.size() > kMaxVolumeName) {
    throw Error(fmt::format("cannot use the volume name '{}': expected at most {} bytes, found {}",
                            options.volume_name, kMaxVolumeName, options.volume_name.size()));
  }
}

WrittenImage write_erofs(const FileTree& tree, const ErofsOptions& options, File& out,
                         Reporter& reporter) {
  check_erofs_options(options);
  check_tree(tree);
  return write_with_reference<KnownFiles>(
      options.reference, settings_of(options), reporter,
      [&](const KnownFiles* known) { return write_image(tree, options, known, out, reporter); });
}

}  // namespace imagefmt
