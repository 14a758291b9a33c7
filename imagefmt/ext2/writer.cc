// SPDX-License-Identifier: Apache-2.0
//
// By libext2fs, which is slow and knows no layout of ours: what these images hold is small.
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

#include <algorithm>
#include <array>

#include "imagefmt/base/handle.h"
#include "imagefmt/ext2/ext2.h"
#include "imagefmt/file_reading.h"
#include "imagefmt/identity.h"
#include "imagefmt/node_faults.h"

namespace imagefmt {

namespace {

constexpr uint32_t kBlockBytes = 4096, kBlocksPerGroup = 8 * kBlockBytes;
constexpr uint32_t kInodeBytes = 256, kPointersPerBlock = kBlockBytes / 4, kDirectPointers = 12;
constexpr uint64_t kMaxFileBytes = uint64_t{4} << 30;
constexpr uint64_t kSizeStep = 1 << 20;

uint64_t blocks_for(uint64_t bytes, uint64_t of_block = kBlockBytes) {
  return (bytes + of_block - 1) / of_block;
}

/// With the blocks of pointers that say where its blocks are.
uint64_t blocks_of_file(uint64_t size_bytes) {
  const uint64_t data = blocks_for(size_bytes);
  if (data <= kDirectPointers) return data;
  const uint64_t lists = blocks_for(data - kDirectPointers, kPointersPerBlock);
  return data + lists + (lists > 1 ? 1 : 0);
}

/// At the most: a block may have no room for the next name, which has 263 bytes at the most.
uint64_t blocks_of_directory(const Directory& directory) {
  constexpr uint64_t kMaxEntryBytes = 264, kEntryBytes = 8, kDotsBytes = 24;
  uint64_t bytes = kDotsBytes;
  for (const Entry& entry : directory.entries) {
    bytes += align_up(kEntryBytes + entry.name.size(), 4);
  }
  return blocks_for(bytes, kBlockBytes - kMaxEntryBytes);
}

struct Size {
  uint32_t inodes = EXT2_GOOD_OLD_FIRST_INO;  // with those that are reserved
  uint64_t blocks = 0;
};

/// So many blocks that the tree finds room, whichever way libext2fs lays it out.
Size size_of(const FileTree& tree, const Ext2Options& options) {
  Size size;
  uint64_t content = 0;
  walk(tree, [&](const std::string&, const Node& node) {
    ++size.inodes;
    content += node.regular() ? blocks_of_file(node.regular()->content.size_bytes())
                              : blocks_of_directory(*node.directory());
  });
  size.blocks = blocks_for(options.min_size_bytes);
  for (uint64_t groups = 1;; ++groups) {
    const uint64_t descriptors = blocks_for(groups * sizeof(ext2_group_desc));
    const uint64_t inodes = blocks_for(size.inodes, groups);
    // Superblock and descriptors, two bitmaps, and inodes, whose number is rounded up.
    const uint64_t overhead = 1 + descriptors + 2 + blocks_for(inodes * kInodeBytes) + 1;
    // A last group that is too small to be of use is left out.
    constexpr uint64_t kLeastOfUse = 50;
    const uint64_t needed = content + groups * overhead + kLeastOfUse + overhead;
    if (needed > groups * kBlocksPerGroup || size.blocks > groups * kBlocksPerGroup) continue;
    size.blocks = align_up(std::max(size.blocks, needed) * kBlockBytes, kSizeStep) / kBlockBytes;
    return size;
  }
}

bool is_time(int64_t time) {
  return time >= 0 && time <= UINT32_MAX;
}

std::vector<std::string> faults_of(const Node& node) {
  std::vector<std::string> faults;
  if (!is_time(node.mtime)) {
    faults.push_back(fmt::format("a time before 1970 or after 2106: {}", node.mtime));
  }
  if (!node.regular() && !node.directory()) {
    faults.emplace_back("it is neither a file nor a folder");
  } else if (node.regular() && node.regular()->content.size_bytes() > kMaxFileBytes) {
    faults.push_back(fmt::format("it has {} bytes, at most {} are possible",
                                 node.regular()->content.size_bytes(), kMaxFileBytes));
  }
  return faults;
}

void check(const FileTree& tree, const Ext2Options& options) {
  Faults faults;
  if (options.volume_name.size() > EXT2_LABEL_LEN) {
    faults.add(fmt::format("cannot name an ext2 image '{}': {} bytes, at most {} are possible",
                           options.volume_name, options.volume_name.size(), EXT2_LABEL_LEN));
  }
  if (!is_time(options.image_mtime)) {
    faults.add(fmt::format("cannot date an ext2 image: a time before 1970 or after 2106: {}",
                           options.image_mtime));
  }
  find_faults(tree, faults_of, faults);
  faults.throw_if_any();
}

using FileSystem = Handle<struct_ext2_filsys, ext2fs_free>;
using OpenFile = Handle<ext2_file, ext2fs_file_close>;

void require(errcode_t result, std::string_view action) {
  if (result == 0) return;
  if (result < EXT2_ET_BASE) throw_errno(action, static_cast<int>(result));
  throw Error(fmt::format("cannot {}: libext2fs gives error {}", action, result - EXT2_ET_BASE));
}

class Writer {
 public:
  Writer(const FileTree& tree, const Ext2Options& options, const Size& size, File& out)
      : now_(static_cast<uint32_t>(options.image_mtime)) {
    ext2_super_block wanted{};
    wanted.s_rev_level = EXT2_DYNAMIC_REV;
    wanted.s_log_block_size = wanted.s_log_cluster_size = 2;
    wanted.s_inode_size = kInodeBytes;
    wanted.s_inodes_count = size.inodes;
    ext2fs_blocks_count_set(&wanted, size.blocks);
    wanted.s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE;
    wanted.s_feature_ro_compat =
        EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE;
    // libext2fs opens files by name alone.
    const std::string name = fmt::format("/proc/self/fd/{}", out.fd());
    require(ext2fs_initialize(name.c_str(), 0, &wanted, unix_io_manager, Out(fs_)),
            "begin the file system");
    // 0 would be the clock's time.
    fs_->now = std::max<uint32_t>(now_, 1);
    ext2_super_block& super = *fs_->super;
    super.s_mkfs_time = super.s_lastcheck = now_;
    super.s_creator_os = EXT2_OS_LINUX;
    super.s_max_mnt_count = -1;
    const Digest identity = identity_of(tree, options.identity);
    auto fill = [&](auto& field, std::string_view purpose) {
      const Digest digest = derive(identity, purpose);
      std::copy_n(digest.begin(), sizeof field, reinterpret_cast<uint8_t*>(&field));
    };
    fill(super.s_uuid, "ext2 uuid");
    super.s_uuid[6] = static_cast<uint8_t>((super.s_uuid[6] & 0x0f) | 0x80);  // version 8
    super.s_uuid[8] = static_cast<uint8_t>((super.s_uuid[8] & 0x3f) | 0x80);
    fill(super.s_hash_seed, "ext2 hash seed");
    std::copy(options.volume_name.begin(), options.volume_name.end(), super.s_volume_name);
    require(ext2fs_allocate_tables(fs_.get()), "place the tables of inodes");
    for (ext2_ino_t inode = 1; inode < EXT2_GOOD_OLD_FIRST_INO; ++inode) {
      if (inode != EXT2_ROOT_INO) ext2fs_inode_alloc_stats2(fs_.get(), inode, 1, 0);
    }
  }

  void write(const FileTree& tree, Stage& stage) {
    require(ext2fs_mkdir(fs_.get(), EXT2_ROOT_INO, EXT2_ROOT_INO, nullptr), "make the root");
    write_folder(tree.root(), EXT2_ROOT_INO, stage);
  }

  void finish() { require(ext2fs_flush(fs_.get()), "write the file system"); }

 private:
  ext2_ino_t new_inode(ext2_ino_t parent, uint16_t mode) {
    ext2_ino_t number = 0;
    require(ext2fs_new_inode(fs_.get(), parent, mode, nullptr, &number), "find an inode");
    return number;
  }

  /// Folders grow by a block where they have no room for another name.
  template <class Add>
  void add_entry(ext2_ino_t folder, const Add& add) {
    errcode_t result = add();
    if (result == EXT2_ET_DIR_NO_SPACE) {
      require(ext2fs_expand_dir(fs_.get(), folder), "make a folder larger");
      result = add();
    }
    require(result, "add a name to a folder");
  }

  void write_folder(const Node& folder, ext2_ino_t number, Stage& stage) {
    for (const auto& [name, node] : folder.directory()->entries) {
      if (node.directory()) {
        const ext2_ino_t child = new_inode(number, LINUX_S_IFDIR);
        add_entry(number, [&] { return ext2fs_mkdir(fs_.get(), number, child, name.c_str()); });
        write_folder(node, child, stage);
      } else {
        const ext2_ino_t child = write_file(node, number, stage);
        add_entry(number, [&] {
          return ext2fs_link(fs_.get(), number, name.c_str(), child, EXT2_FT_REG_FILE);
        });
      }
    }
    ext2_inode inode{};
    require(ext2fs_read_inode(fs_.get(), number, &inode), "read an inode");
    set_attributes(inode, LINUX_S_IFDIR, folder);
    require(ext2fs_write_inode(fs_.get(), number, &inode), "write an inode");
  }

  ext2_ino_t write_file(const Node& node, ext2_ino_t folder, Stage& stage) {
    const ext2_ino_t number = new_inode(folder, LINUX_S_IFREG);
    ext2_inode inode{};
    inode.i_links_count = 1;
    set_attributes(inode, LINUX_S_IFREG, node);
    ext2fs_inode_alloc_stats2(fs_.get(), number, 1, 0);
    require(ext2fs_write_new_inode(fs_.get(), number, &inode), "write an inode");
    OpenFile file;
    require(ext2fs_file_open2(fs_.get(), number, &inode, EXT2_FILE_WRITE, Out(file)),
            "open a file");
    const Content& content = node.regular()->content;
    for (uint64_t done = 0; done < content.size_bytes();) {
      const size_t size =
          static_cast<size_t>(std::min<uint64_t>(content.size_bytes() - done, buffer_.size()));
      read_part(content, done, std::span(buffer_).first(size));
      write_piece(file.get(), size);
      done += size;
      stage.advance(size);
    }
    require(ext2fs_file_close(file.release()), "write a file");
    return number;
  }

  void write_piece(ext2_file_t file, size_t size) {
    for (size_t done = 0; done < size;) {
      unsigned written = 0;
      require(ext2fs_file_write(file, buffer_.data() + done, static_cast<unsigned>(size - done),
                                &written),
              "write a file");
      done += written;
    }
  }

  void set_attributes(ext2_inode& inode, uint16_t type, const Node& node) const {
    inode.i_mode = static_cast<uint16_t>(type | node.mode);
    inode.i_uid = static_cast<uint16_t>(node.uid);
    inode.i_gid = static_cast<uint16_t>(node.gid);
    inode.osd2.linux2.l_i_uid_high = static_cast<uint16_t>(node.uid >> 16);
    inode.osd2.linux2.l_i_gid_high = static_cast<uint16_t>(node.gid >> 16);
    inode.i_atime = inode.i_ctime = inode.i_mtime = static_cast<uint32_t>(node.mtime);
  }

  uint32_t now_;
  FileSystem fs_;
  std::array<uint8_t, 1 << 16> buffer_;
};

}  // namespace

uint64_t planned_ext2_size(const FileTree& tree, const Ext2Options& options) {
  check(tree, options);
  return size_of(tree, options).blocks * kBlockBytes;
}

void write_ext2(const FileTree& tree, const Ext2Options& options, File& out, Reporter& reporter) {
  check(tree, options);
  const Size size = size_of(tree, options);
  // What is never written reads as zeros.
  out.resize(0);
  out.resize(size.blocks * kBlockBytes);
  Stage stage(reporter, "writing files", totals(tree).data_bytes);
  with_context(fmt::format("cannot write '{}'", out.name()), [&] {
    Writer writer(tree, options, size, out);
    writer.write(tree, stage);
    writer.finish();
  });
}

}  // namespace imagefmt
