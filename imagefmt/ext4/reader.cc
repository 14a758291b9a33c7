// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "imagefmt/ext4/attributes.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/ext4/image.h"
#include "imagefmt/ext4/inode.h"

namespace imagefmt {

using namespace ext4;

namespace {

constexpr std::string_view kLabelXattr = "security.selinux";

uint64_t size_of(const Inode& inode) {
  return join32(inode.size_low, inode.size_high);
}

bool has_field(const Inode& inode, size_t offset) {
  return kOldInodeSize + inode.extra_size >= offset + sizeof(le32);
}

class TreeReader {
 public:
  TreeReader(std::shared_ptr<Image> image, PathsByInode* numbers)
      : image_(std::move(image)), numbers_(numbers) {}

  FileTree read() {
    try {
      Node root = read_node(kRootInode, 0);
      if (!root.directory()) throw Error("the root is no folder");
      return FileTree(std::move(root));
    } catch (Error& error) {
      // The path that was being read: it shrinks only as reading succeeds.
      error.add_context(fmt::format("'{}'", path_.empty() ? "/" : path_));
      throw;
    }
  }

 private:
  /// An inode with what is behind its fields; bytes that it does not have are 0.
  struct ReadInode {
    Inode fields;
    std::vector<FoundXattr> xattrs;
  };
  struct Name {
    std::string text;
    uint32_t inode;
  };

  Node read_node(uint32_t number, size_t depth) {
    if (depth > kMaxDepth) throw Error(fmt::format("deeper than {} folders", kMaxDepth));
    image_->charge(sizeof(Entry));
    if (numbers_) {
      image_->charge(sizeof *numbers_->data() + path_.size());
      numbers_->emplace_back(number, path_.empty() ? "/" : path_);
    }
    const ReadInode inode = read_inode(number);
    const Inode& fields = inode.fields;
    Node node;
    node.mode = fields.mode & 07777;
    node.uid = fields.uid_low | uint32_t{fields.uid_high} << 16;
    node.gid = fields.gid_low | uint32_t{fields.gid_high} << 16;
    node.mtime = static_cast<int32_t>(uint32_t{fields.mtime});
    if (has_field(fields, offsetof(Inode, mtime_extra))) {
      node.mtime += int64_t{fields.mtime_extra & 3} << 32;
    }
    for (const FoundXattr& xattr : inode.xattrs) add_xattr(node, xattr);
    if (const uint64_t block = join32(fields.xattr_block_low, fields.xattr_block_high)) {
      for (const FoundXattr& xattr : xattr_block(block)) add_xattr(node, xattr);
    }
    if (fields.flags & kInodeEncrypted) throw Error("an encrypted inode");
    if (fields.flags & kInodeInline) throw Error("an inode with inline data");
    switch (fields.mode & S_IFMT) {
      case S_IFDIR:
        // A directory has one name; with two, loops and trees of exponential size could be made.
        if (!directories_.insert(number).second) throw Error("a folder that stands elsewhere, too");
        node.kind = Directory(read_directory(fields, depth));
        break;
      case S_IFREG:
        node.kind = read_regular(fields);
        break;
      case S_IFLNK:
        node.kind = read_symlink(fields);
        break;
      case S_IFCHR:
        node.kind = parse_device(Device::Kind::kCharacter, fields.block);
        break;
      case S_IFBLK:
        node.kind = parse_device(Device::Kind::kBlock, fields.block);
        break;
      case S_IFIFO:
        node.kind = parse_device(Device::Kind::kFifo, fields.block);
        break;
      case S_IFSOCK:
        node.kind = parse_device(Device::Kind::kSocket, fields.block);
        break;
      default:
        throw Error(fmt::format("bad mode {:#o} of inode {}", uint16_t{fields.mode}, number));
    }
    return node;
  }

  ReadInode read_inode(uint32_t number) {
    const ByteView bytes = image_->read_inode(number);
    ReadInode inode{};
    std::copy_n(bytes.begin(), std::min(bytes.size(), sizeof(Inode)),
                reinterpret_cast<uint8_t*>(&inode.fields));
    const size_t extra = bytes.size() > kOldInodeSize ? size_t{inode.fields.extra_size} : 0;
    const size_t start = kOldInodeSize + extra;
    if (start > bytes.size() || extra % 4 != 0) {
      throw Error(fmt::format("{} more bytes of fields in an inode of {}", extra, bytes.size()));
    }
    inode.fields.extra_size = low16(extra);
    if (bytes.size() - start >= sizeof(le32) && struct_at<le32>(bytes, start) == kXattrMagic) {
      inode.xattrs = parse_xattrs(bytes.subspan(start), sizeof(le32), sizeof(le32));
    }
    return inode;
  }

  const std::vector<FoundXattr>& xattr_block(uint64_t number) {
    auto known = xattr_blocks_.find(number);
    if (known != xattr_blocks_.end()) return known->second;
    image_->charge(2 * image_->block_size());
    Bytes block(image_->block_size());
    image_->read(number, 0, block);
    const XattrBlockHeader& header = struct_at<XattrBlockHeader>(ByteView(block), 0);
    if (header.magic != kXattrMagic || header.block_count != 1) {
      throw Error(fmt::format("bad block of xattrs {}: magic {:#x}, {} blocks", number,
                              uint32_t{header.magic}, uint32_t{header.block_count}));
    }
    return xattr_blocks_.emplace(number, parse_xattrs(block, sizeof header, 0)).first->second;
  }

  void add_xattr(Node& node, const FoundXattr& xattr) {
    if (xattr.name == kLabelXattr) {
      if (!node.label.empty()) throw Error(fmt::format("xattr '{}' stands twice", xattr.name));
      std::string_view text = xattr.value;
      if (text.ends_with('\0')) text.remove_suffix(1);
      auto [place, added] = labels_.try_emplace(std::string(text));
      if (added) place->second = Label(text);
      node.label = place->second;
      return;
    }
    // Roughly what a map's node takes.
    image_->charge(xattr.name.size() + xattr.value.size() + 128);
    if (!node.xattrs) node.xattrs = std::make_unique<Xattrs>();
    if (!node.xattrs->emplace(xattr.name, xattr.value).second) {
      throw Error(fmt::format("xattr '{}' stands twice", xattr.name));
    }
  }

  std::vector<Entry> read_directory(const Inode& inode, size_t depth) {
    std::vector<Name> names = read_names(inode);
    std::sort(names.begin(), names.end(),
              [](const Name& a, const Name& b) { return a.text < b.text; });
    std::vector<Entry> entries;
    entries.reserve(names.size());
    const size_t path_size = path_.size();
    for (Name& name : names) {
      path_ += '/';
      path_ += name.text;
      if (!entries.empty() && entries.back().name == name.text) throw Error("it stands twice");
      Node node = read_node(name.inode, depth + 1);
      path_.resize(path_size);
      entries.push_back({std::move(name.text), std::move(node)});
    }
    return entries;
  }

  std::vector<Name> read_names(const Inode& inode) {
    const MapRoot root(inode);
    const uint32_t block_size = image_->block_size();
    const uint64_t size = size_of(inode);
    if (size % block_size != 0 || size / block_size > UINT32_MAX) {
      throw Error(fmt::format("a folder of {} bytes", size));
    }
    std::vector<Name> names;
    Bytes block(block_size);
    for (uint64_t logical = 0; logical < size / block_size;) {
      const Mapping mapping = image_->map(root, low32(logical));
      if (mapping.hole) throw Error(fmt::format("a folder without its block {}", logical));
      const uint64_t count = std::min(mapping.count, size / block_size - logical);
      for (uint64_t i = 0; i < count; ++i) {
        image_->charge(block_size);
        image_->read(mapping.physical + i, 0, block);
        read_names_of(block, names);
      }
      logical += count;
    }
    return names;
  }

  void read_names_of(ByteView block, std::vector<Name>& names) {
    for (size_t at = 0; at < block.size();) {
      Cursor cursor(block.subspan(at), "list of entries");
      const DirectoryEntry entry = cursor.take_struct<DirectoryEntry>();
      // In blocks of 64 KiB the size of the only record does not fit.
      const size_t size = entry.record_size == 0xffff || entry.record_size == 0
                              ? size_t{65536}
                              : size_t{entry.record_size};
      if (size < sizeof entry || size % 4 != 0 || size > block.size() - at ||
          entry.name_size > size - sizeof entry) {
        throw Error(fmt::format("a record of {} bytes with a name of {} at {} of {}", size,
                                uint8_t{entry.name_size}, at, block.size()));
      }
      at += size;
      if (entry.inode == 0) continue;
      std::string name(as_text(cursor.take(entry.name_size)));
      if (name == "." || name == "..") continue;
      check_entry_name(name);
      image_->charge(sizeof(Name) + name.size());
      names.push_back({std::move(name), entry.inode});
    }
  }

  Regular read_regular(const Inode& inode) {
    const uint64_t size = size_of(inode);
    if (size == 0) return {};
    if ((size - 1) / image_->block_size() > UINT32_MAX) {
      throw Error(fmt::format("a file of {} bytes", size));
    }
    image_->charge(sizeof(FileSource));
    return {Content::from_source(std::make_shared<FileSource>(image_, MapRoot(inode)), size)};
  }

  Symlink read_symlink(const Inode& inode) {
    const uint64_t size = size_of(inode);
    if (size == 0 || size > kMaxSymlinkTarget) {
      throw Error(
          fmt::format("a symlink target has 1 to {} bytes, found {}", kMaxSymlinkTarget, size));
    }
    image_->charge(size);
    std::string target(size, '\0');
    const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(target.data()), target.size());
    if (!(inode.flags & kInodeExtents) && size <= kMaxShortTarget) {
      std::copy_n(inode.block, size, bytes.begin());
    } else {
      image_->read_file(MapRoot(inode), 0, bytes);
    }
    if (target.find('\0') != target.npos) throw Error("a symlink target with a NUL byte");
    return {std::move(target)};
  }

  std::shared_ptr<Image> image_;
  PathsByInode* numbers_;  // null: nobody asks for them
  std::string path_;
  std::unordered_set<uint32_t> directories_;  // numbers of those that were read
  std::unordered_map<uint64_t, std::vector<FoundXattr>> xattr_blocks_;
  std::unordered_map<std::string, Label> labels_;
};

}  // namespace

FileTree read_ext4(std::shared_ptr<const File> file, PathsByInode* numbers) {
  std::shared_ptr<Image> image = std::make_shared<Image>(std::move(file));
  return image->in_context([&] { return TreeReader(image, numbers).read(); });
}

}  // namespace imagefmt
