// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <unordered_set>

#include "imagefmt/node_faults.h"
#include "imagefmt/squashfs/file_sizes.h"
#include "imagefmt/squashfs/inodes.h"
#include "imagefmt/squashfs/squashfs.h"

namespace imagefmt {

using namespace squashfs;

namespace {

constexpr int64_t kMaxTime = UINT32_MAX;

std::vector<std::string> faults_of(const Node& node) {
  std::vector<std::string> faults = common_faults(node, "squashfs");
  if (node.mtime < 0 || node.mtime > kMaxTime) {
    faults.push_back(
        fmt::format("time {} does not fit, squashfs holds 0 to {}", node.mtime, kMaxTime));
  }
  if (node.label.text().size() >= kMaxXattrValue) {
    faults.push_back(fmt::format("a label of {} bytes does not fit", node.label.text().size()));
  }
  if (node.xattrs) {
    for (const auto& [name, value] : *node.xattrs) {
      std::string fault = xattr_fault(name, value);
      if (!fault.empty()) faults.push_back(std::move(fault));
    }
  }
  return faults;
}

/// Throws unless the format can hold every node.
void check_tree(const FileTree& tree) {
  Faults faults;
  std::unordered_set<uint32_t> ids;
  const uint64_t inodes = find_faults(
      tree,
      [&](const Node& node) {
        ids.insert({node.uid, node.gid});
        return faults_of(node);
      },
      faults);
  if (ids.size() > kMaxIds) {
    faults.add(fmt::format("cannot write {} different user and group ids: squashfs holds {}",
                           ids.size(), kMaxIds));
  }
  if (inodes >= UINT32_MAX) {
    faults.add(fmt::format("cannot write {} inodes: squashfs holds {}", inodes, UINT32_MAX - 1));
  }
  faults.throw_if_any();
}

/// All files in the order of their data. Each entry of `isolate_below` is a group.
std::vector<SourceFile> plan_files(const FileTree& tree, const std::string& isolate_below) {
  const Node* isolating = isolate_below.empty() ? nullptr : tree.find(isolate_below);
  std::unordered_map<const Node*, uint32_t> group_roots;
  if (isolating && isolating->directory()) {
    uint32_t group = kSharedGroup;
    for (const Entry& entry : isolating->directory()->entries) group_roots[&entry.node] = ++group;
  }
  std::vector<SourceFile> files;
  auto plan = [&](auto& self, const Directory& directory, uint32_t group) -> void {
    auto group_of = [&](const Node& node) {
      if (group != kSharedGroup || group_roots.empty()) return group;
      auto place = group_roots.find(&node);
      return place == group_roots.end() ? group : place->second;
    };
    for (const Entry& entry : directory.entries) {
      if (const Regular* file = entry.node.regular()) {
        files.push_back({&file->content, group_of(entry.node)});
      }
    }
    for (const Entry& entry : directory.entries) {
      if (const Directory* folder = entry.node.directory()) {
        self(self, *folder, group_of(entry.node));
      }
    }
  };
  plan(plan, *tree.root().directory(), kSharedGroup);
  return files;
}

/// All that the stored bytes of a file depend on besides its own. Which ends share a block shows when
/// the block is looked for in the reference.
std::string settings_of(const SquashfsOptions& options) {
  return fmt::format("squashfs, {}, level {}, blocks of {} bytes, intaglio {}",
                     versioned_name(options.compression),
                     checked_level(options.compression, options.level), options.block_size,
                     INTAGLIO_VERSION);
}

/// The tree and the options have been checked; `known` may be null.
WrittenImage write_image(const FileTree& tree, const SquashfsOptions& options,
                         const KnownData* known, File& out, Reporter& reporter) {
  const int level = checked_level(options.compression, options.level);
  Superblock superblock{};
  superblock.magic = kMagic;
  superblock.mtime = static_cast<uint32_t>(options.image_mtime);
  superblock.block_size = options.block_size;
  superblock.compressor = compressor_id(options.compression);
  superblock.block_log = static_cast<uint16_t>(__builtin_ctz(options.block_size));
  superblock.major = 4;
  superblock.fragment_table = superblock.xattr_table = superblock.export_table = kNoTable;
  uint16_t flags = kDuplicatesShared;

  // A reader must not take what stood in `out` for an image while this one is made.
  out.resize(0);
  Output image(out, sizeof(Superblock));
  Bytes compressor_options = serialize_options(options.compression, level);
  if (!compressor_options.empty()) {
    image.append(
        bytes_of(le16(static_cast<uint16_t>(compressor_options.size() | kMetadataStored))));
    image.append(compressor_options);
    flags |= kCompressorOptions;
  }

  WrittenImage written;
  written.superblock = image.position();
  const std::vector<SourceFile> files = plan_files(tree, options.isolate_below);
  PlacedData data =
      write_data(files, {options.compression, level, options.block_size, options.jobs}, known,
                 image, reporter);
  count_files(files, data, options.block_size, written);
  written.reused_bytes = data.reused_bytes;

  // From here on all places of data are known, and metadata can point to them.
  Stage stage(reporter, "writing metadata");
  Compressor compressor(options.compression, level, options.block_size);
  InodeTables tables(compressor);
  write_inodes(tree, data, tables);
  superblock.inode_count = tables.inode_count;
  superblock.root = tables.root;
  const uint64_t tables_start = image.position();
  uint64_t counted = tables_start;
  auto count = [&](uint64_t& part) {
    part += image.position() - std::exchange(counted, image.position());
  };
  superblock.inode_table = image.position();
  image.append(tables.inodes.finish());
  count(written.inodes);
  superblock.directory_table = image.position();
  image.append(tables.directories.finish());
  count(written.directories);

  if (data.fragments.empty()) {
    flags |= kNoFragments;
  } else {
    flags |= kAlwaysFragments;
    superblock.fragment_count = static_cast<uint32_t>(data.fragments.size());
    superblock.fragment_table =
        append_table(image, compressor,
                     {reinterpret_cast<const uint8_t*>(data.fragments.data()),
                      data.fragments.size() * sizeof(FragmentEntry)});
    count(written.indexes);
  }
  superblock.id_count = static_cast<uint16_t>(tables.ids.count());
  superblock.id_table = tables.ids.append_to(image, compressor);
  count(written.inodes);
  if (tables.xattrs.empty()) {
    flags |= kNoXattrTable;
  } else {
    superblock.xattr_table = tables.xattrs.append_to(image, compressor);
    count(written.xattrs);
  }
  if (options.compression == Compression::kNone) {
    flags |= kInodesStored | kDataStored | kFragmentsStored | kXattrsStored | kIdsStored;
  }
  superblock.flags = flags;
  superblock.bytes_used = image.position();
  image.flush();
  const uint64_t size_bytes = align_up(superblock.bytes_used, kImageAlignment);
  written.padding = size_bytes - superblock.bytes_used;
  stage.count(Work::kWritten, size_bytes - tables_start);
  out.resize(size_bytes);
  // The last write makes it an image.
  out.write(0, bytes_of(superblock));
  written.index = serialize_index(out, settings_of(options), serialize_places(files, data));
  return written;
}

}  // namespace

void check_squashfs_options(const SquashfsOptions& options) {
  uint32_t size = options.block_size;
  if (size < kMinBlockSize || size > kMaxBlockSize || !std::has_single_bit(size)) {
    throw Error(
        fmt::format("cannot use a block size of {} bytes: expected a power of two from {} "
                    "to {}",
                    size, kMinBlockSize, kMaxBlockSize));
  }
  if (options.image_mtime < 0 || options.image_mtime > kMaxTime) {
    throw Error(fmt::format("cannot use the image time {}: squashfs holds 0 to {}",
                            options.image_mtime, kMaxTime));
  }
  checked_level(options.compression, options.level);
}

WrittenImage write_squashfs(const FileTree& tree, const SquashfsOptions& options, File& out,
                            Reporter& reporter) {
  check_squashfs_options(options);
  check_tree(tree);
  return write_with_reference<KnownData>(
      options.reference, settings_of(options), reporter,
      [&](const KnownData* known) { return write_image(tree, options, known, out, reporter); },
      options.block_size);
}

}  // namespace imagefmt
