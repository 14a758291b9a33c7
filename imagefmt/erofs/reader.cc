// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "imagefmt/erofs/erofs.h"
#include "imagefmt/erofs/file_source.h"
#include "imagefmt/unfolding.h"

namespace imagefmt {

using namespace erofs;

namespace {

struct Xattr {
  std::string name, value;
  Label label;  // made of the value, if this is the one; nodes share it
};

class TreeReader {
 public:
  /// Adds each path to `numbers`, unless that is null.
  TreeReader(std::shared_ptr<const Image> image, PathsByInode* numbers)
      : image_(std::move(image)), unfolding_(image_->size_bytes()), numbers_(numbers) {}

  FileTree read() {
    try {
      Node root = read_node(image_->superblock().root_nid, kDirectoryType, 0);
      return FileTree(std::move(root));
    } catch (Error& error) {
      // The path that was being read: it shrinks only as reading succeeds.
      error.add_context(fmt::format("'{}'", path_.empty() ? "/" : path_));
      throw;
    }
  }

 private:
  Node read_node(uint64_t nid, NodeType type, size_t depth) {
    if (depth > kMaxDepth) throw Error(fmt::format("deeper than {} folders", kMaxDepth));
    unfolding_.charge(sizeof(Entry));
    const Inode inode = image_->read_inode(nid);
    if ((inode.mode & S_IFMT) != mode_bits(type)) {
      throw Error(fmt::format("bad mode {:#o} of inode {}, expected type {:#o}", inode.mode, nid,
                              mode_bits(type)));
    }
    if (numbers_) {
      unfolding_.charge(sizeof *numbers_->data() + path_.size());
      numbers_->emplace_back(nid, path_.empty() ? "/" : path_);
    }
    Node node;
    node.mode = inode.mode & 07777;
    node.uid = inode.uid;
    node.gid = inode.gid;
    node.mtime = inode.mtime;
    switch (type) {
      case kDirectoryType:
        read_directory(inode, depth, node);
        break;
      case kRegularType:
        node.kind = read_regular(inode);
        break;
      case kSymlinkType:
        node.kind = read_symlink(inode);
        break;
      default:
        node.kind = read_device(inode, type);
    }
    if (inode.xattr_bytes != 0) read_xattrs(inode, node);
    return node;
  }

  void read_directory(const Inode& inode, size_t depth, Node& node) {
    // A directory has one name; with two, loops and trees of exponential size could be made.
    if (!directories_.insert(inode.nid).second) throw Error("a folder that stands elsewhere, too");
    const FileSource listing(image_, inode);
    std::vector<Entry> entries;
    Bytes block(kBlockSize);
    for (uint64_t start = 0; start < inode.size; start += kBlockSize) {
      block.resize(std::min<uint64_t>(inode.size - start, kBlockSize));
      listing.read_part(start, block);
      read_block(block, depth, entries);
    }
    entries.shrink_to_fit();
    node.kind = Directory(std::move(entries));
  }

  void read_block(const Bytes& block, size_t depth, std::vector<Entry>& entries) {
    Cursor fields(block, "a block of entries");
    std::vector<ListingEntry> listed = {fields.take_struct<ListingEntry>()};
    const uint16_t names = listed[0].name_offset;
    if (names == 0 || names % sizeof(ListingEntry) != 0) {
      throw Error(fmt::format("bad offset {} of the first name", names));
    }
    while (listed.size() < names / sizeof(ListingEntry)) {
      listed.push_back(fields.take_struct<ListingEntry>());
    }
    for (size_t i = 0; i < listed.size(); ++i) {
      const bool is_last = i + 1 == listed.size();
      const size_t from = listed[i].name_offset;
      const size_t to = is_last ? block.size() : size_t{listed[i + 1].name_offset};
      if (from < names || from > to || to > block.size()) {
        throw Error(fmt::format("bad name from {} to {} in {} bytes", from, to, block.size()));
      }
      std::string_view name = as_text(ByteView(block).subspan(from, to - from));
      if (is_last) name = name.substr(0, name.find('\0'));
      add_entry(std::string(name), listed[i], depth, entries);
    }
  }

  void add_entry(std::string name, const ListingEntry& fields, size_t depth,
                 std::vector<Entry>& entries) {
    if (name == "." || name == "..") return;
    check_entry_name(name);
    if (!entries.empty() && name.compare(entries.back().name) <= 0) {
      throw Error(fmt::format("'{}' follows '{}', expected names in the order of their bytes", name,
                              entries.back().name));
    }
    unfolding_.charge(name.size());
    const size_t path_size = path_.size();
    path_ += '/';
    path_ += name;
    Node node = read_node(fields.nid, checked_type(fields.type), depth + 1);
    path_.resize(path_size);
    entries.push_back({std::move(name), std::move(node)});
  }

  static NodeType checked_type(uint8_t type) {
    if (type < kRegularType || type > kSymlinkType) {
      throw Error(fmt::format("bad type {} of an entry", type));
    }
    return static_cast<NodeType>(type);
  }

  Regular read_regular(const Inode& inode) {
    if (inode.size == 0) return {};
    unfolding_.charge(sizeof(FileSource));
    return {Content::from_source(std::make_shared<FileSource>(image_, inode), inode.size)};
  }

  Symlink read_symlink(const Inode& inode) {
    if (inode.size == 0 || inode.size > kMaxSymlinkTarget) {
      throw Error(fmt::format("a symlink target has 1 to {} bytes, found {}", kMaxSymlinkTarget,
                              inode.size));
    }
    unfolding_.charge(inode.size);
    Bytes target(inode.size);
    FileSource(image_, inode).read_part(0, target);
    Symlink link{std::string(as_text(target))};
    if (link.target.find('\0') != std::string::npos) {
      throw Error("a symlink target with a NUL byte");
    }
    return link;
  }

  static Device read_device(const Inode& inode, NodeType type) {
    if (type == kFifoType) return {Device::Kind::kFifo};
    if (type == kSocketType) return {Device::Kind::kSocket};
    return {type == kBlockType ? Device::Kind::kBlock : Device::Kind::kCharacter,
            inode.start >> 8 & 0xfff, (inode.start & 0xff) | (inode.start >> 12 & 0xfff00)};
  }

  void read_xattrs(const Inode& inode, Node& node) {
    const XattrHeader header = image_->read_struct<XattrHeader>(inode.xattrs);
    uint64_t position = inode.xattrs + sizeof header;
    const uint64_t end = inode.xattrs + inode.xattr_bytes;
    if (header.shared_count * sizeof(le32) > end - position) {
      throw Error(
          fmt::format("{} shared xattrs in {} bytes", header.shared_count, inode.xattr_bytes));
    }
    for (int i = 0; i < header.shared_count; ++i) {
      apply(shared_xattr(image_->read_struct<le32>(position)), node);
      position += sizeof(le32);
    }
    while (position < end) apply(read_xattr(position, end), node);
  }

  const Xattr& shared_xattr(uint32_t number) {
    auto known = shared_.find(number);
    if (known != shared_.end()) return known->second;
    uint64_t position =
        uint64_t{image_->superblock().xattr_start} * kBlockSize + uint64_t{number} * kXattrUnit;
    Xattr xattr = read_xattr(position, image_->size_bytes());
    unfolding_.charge(sizeof xattr + xattr.name.size() + xattr.value.size());
    return shared_.emplace(number, std::move(xattr)).first->second;
  }

  /// Moves `position` behind what it reads.
  Xattr read_xattr(uint64_t& position, uint64_t end) {
    const XattrEntry entry = image_->read_struct<XattrEntry>(position);
    const uint64_t size = sizeof entry + entry.name_size + entry.value_size;
    if (position > end || align_up(size, kXattrUnit) > end - position) {
      throw Error(fmt::format("an xattr of {} bytes does not fit where it stands", size));
    }
    const XattrPrefix* prefix =
        std::find_if(std::begin(kXattrPrefixes), std::end(kXattrPrefixes),
                     [&](const XattrPrefix& known) { return known.index == entry.prefix; });
    if (prefix == std::end(kXattrPrefixes)) {
      throw Error(fmt::format("bad prefix {} of an xattr", entry.prefix));
    }
    Xattr xattr;
    xattr.name = prefix->text + image_->read_text(position + sizeof entry, entry.name_size);
    xattr.value = image_->read_text(position + sizeof entry + entry.name_size, entry.value_size);
    if (xattr.name == kLabelXattr) {
      std::string_view label = xattr.value;
      if (label.ends_with('\0')) label.remove_suffix(1);
      xattr.label = Label(label);
    }
    position += align_up(size, kXattrUnit);
    return xattr;
  }

  void apply(const Xattr& xattr, Node& node) {
    bool is_first = true;
    if (xattr.name == kLabelXattr) {
      is_first = node.label.empty();
      node.label = xattr.label;
    } else {
      // Roughly what a map's node takes.
      unfolding_.charge(xattr.name.size() + xattr.value.size() + 128);
      if (!node.xattrs) node.xattrs = std::make_unique<Xattrs>();
      is_first = node.xattrs->emplace(xattr.name, xattr.value).second;
    }
    if (!is_first) throw Error(fmt::format("xattr '{}' stands twice", xattr.name));
  }

  std::shared_ptr<const Image> image_;
  Unfolding unfolding_;
  PathsByInode* numbers_;
  std::string path_;
  std::unordered_set<uint64_t> directories_;  // that were read
  std::unordered_map<uint32_t, Xattr> shared_;
};

}  // namespace

FileTree read_erofs(std::shared_ptr<const File> file, PathsByInode* numbers) {
  std::shared_ptr<const Image> image = std::make_shared<Image>(std::move(file));
  return image->in_context([&] { return TreeReader(image, numbers).read(); });
}

}  // namespace imagefmt
