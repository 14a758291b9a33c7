// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <unordered_set>

#include "imagefmt/squashfs/file_source.h"
#include "imagefmt/squashfs/squashfs.h"

namespace imagefmt {

using namespace squashfs;

namespace {

/// The xattrs of a set, as nodes hold them.
struct Attributes {
  Label label;
  Xattrs others;
  uint64_t size_bytes = 0;  // of the others
};

class TreeReader {
 public:
  /// Adds each path to `numbers`, unless that is null.
  TreeReader(std::shared_ptr<Image> image, PathsByInode* numbers)
      : image_(std::move(image)), superblock_(image_->superblock()), numbers_(numbers) {}

  FileTree read() {
    try {
      Node root = read_node(superblock_.root, kDirectory, 0);
      return FileTree(std::move(root));
    } catch (Error& error) {
      // The path that was being read: it shrinks only as reading succeeds.
      error.add_context(fmt::format("'{}'", path_.empty() ? "/" : path_));
      throw;
    }
  }

 private:
  Node read_node(uint64_t reference, uint16_t expected_type, size_t depth) {
    if (depth > kMaxDepth) throw Error(fmt::format("deeper than {} folders", kMaxDepth));
    image_->charge(sizeof(Entry));
    MetadataReader inode(*image_, inode_place(reference));
    InodeHeader header = inode.read_struct<InodeHeader>();
    bool extended = header.type > kExtended;
    uint16_t type = static_cast<uint16_t>(header.type - (extended ? kExtended : 0));
    if (type != expected_type) {
      throw Error(
          fmt::format("bad type of inode {}, expected {}", uint16_t{header.type}, expected_type));
    }
    if (header.number == 0 || header.number > superblock_.inode_count) {
      throw Error(fmt::format("inode number {} is not among {}", uint32_t{header.number},
                              uint32_t{superblock_.inode_count}));
    }
    if (numbers_) {
      image_->charge(sizeof *numbers_->data() + path_.size());
      numbers_->emplace_back(header.number, path_.empty() ? "/" : path_);
    }
    Node node;
    node.mode = header.mode & 07777;
    node.uid = image_->id(header.uid_index);
    node.gid = image_->id(header.gid_index);
    node.mtime = header.mtime;
    uint32_t xattrs = kNoXattrs;
    switch (type) {
      case kDirectory:
        xattrs = read_directory(inode, extended, reference, depth, node);
        break;
      case kRegular:
        xattrs = read_regular(inode, extended, node);
        break;
      case kSymlink:
        node.kind = read_symlink(inode);
        if (extended) xattrs = inode.read_struct<le32>();
        break;
      default:
        node.kind = read_device(inode, type);
        if (extended) xattrs = inode.read_struct<le32>();
    }
    if (xattrs != kNoXattrs) apply(attributes(xattrs), node);
    return node;
  }

  MetadataPlace inode_place(uint64_t reference) const {
    MetadataPlace place = image_->place(superblock_.inode_table, reference);
    if (place.block >= superblock_.directory_table) {
      throw Error(fmt::format("reference {:#x} leads outside of the inode table", reference));
    }
    return place;
  }

  /// Returns the index of the set of xattrs, as read_regular() does.
  uint32_t read_directory(MetadataReader& inode, bool extended, uint64_t reference, size_t depth,
                          Node& node) {
    // A directory has one name; with two, loops and trees of exponential size could be made.
    if (!directories_.insert(reference).second) throw Error("a folder that stands elsewhere, too");
    uint64_t size, block, offset;
    uint32_t xattrs = kNoXattrs;
    if (extended) {
      ExtendedDirectoryInode fields = inode.read_struct<ExtendedDirectoryInode>();
      size = fields.listing_size;
      block = fields.listing_block;
      offset = fields.listing_offset;
      xattrs = fields.xattrs;
    } else {
      DirectoryInode fields = inode.read_struct<DirectoryInode>();
      size = fields.listing_size;
      block = fields.listing_block;
      offset = fields.listing_offset;
    }
    std::vector<Entry> entries;
    if (size > 3) read_listing(block << 16 | offset, size - 3, depth, entries);
    entries.shrink_to_fit();
    node.kind = Directory(std::move(entries));
    return xattrs;
  }

  void read_listing(uint64_t reference, uint64_t size, size_t depth, std::vector<Entry>& entries) {
    MetadataReader listing(*image_, image_->place(superblock_.directory_table, reference));
    auto take = [&](uint64_t bytes) {
      if (bytes > size) throw Error("the list of entries ends in an entry");
      size -= bytes;
    };
    size_t path_size = path_.size();
    while (size != 0) {
      take(sizeof(ListingHeader));
      ListingHeader header = listing.read_struct<ListingHeader>();
      if (header.count >= kMaxListingRun) {
        throw Error(fmt::format("{} entries behind a header, expected at most {}",
                                uint64_t{header.count} + 1, kMaxListingRun));
      }
      for (uint32_t i = 0; i <= header.count; ++i) {
        take(sizeof(ListingEntry));
        ListingEntry fields = listing.read_struct<ListingEntry>();
        take(uint64_t{fields.name_size} + 1);
        std::string name = listing.read_text(size_t{fields.name_size} + 1);
        check_entry_name(name);
        if (!entries.empty() && name.compare(entries.back().name) <= 0) {
          throw Error(fmt::format("'{}' follows '{}', expected names in the order of their bytes",
                                  name, entries.back().name));
        }
        image_->charge(name.size());
        path_ += '/';
        path_ += name;
        uint64_t inode = uint64_t{header.inode_block} << 16 | fields.inode_offset;
        Node node = read_node(inode, fields.type, depth + 1);
        path_.resize(path_size);
        entries.push_back({std::move(name), std::move(node)});
      }
    }
  }

  uint32_t read_regular(MetadataReader& inode, bool extended, Node& node) {
    FileShape shape;
    uint32_t xattrs = kNoXattrs;
    if (extended) {
      ExtendedRegularInode fields = inode.read_struct<ExtendedRegularInode>();
      shape = {fields.size, fields.start, {}, fields.fragment, fields.fragment_offset};
      xattrs = fields.xattrs;
    } else {
      RegularInode fields = inode.read_struct<RegularInode>();
      shape = {fields.size, fields.start, {}, fields.fragment, fields.fragment_offset};
    }
    shape.block_sizes = inode.place();
    if (shape.size == 0) {
      node.kind = Regular{};
    } else {
      image_->charge(sizeof(FileSource));
      node.kind =
          Regular{Content::from_source(std::make_shared<FileSource>(image_, shape), shape.size)};
    }
    return xattrs;
  }

  Symlink read_symlink(MetadataReader& inode) {
    SymlinkInode fields = inode.read_struct<SymlinkInode>();
    if (fields.target_size == 0 || fields.target_size > kMaxSymlinkTarget) {
      throw Error(fmt::format("a symlink target has 1 to {} bytes, found {}", kMaxSymlinkTarget,
                              uint32_t{fields.target_size}));
    }
    image_->charge(fields.target_size);
    Symlink link{inode.read_text(fields.target_size)};
    if (link.target.find('\0') != std::string::npos) {
      throw Error("a symlink target with a NUL byte");
    }
    return link;
  }

  Device read_device(MetadataReader& inode, uint16_t type) {
    switch (type) {
      case kBlockDevice:
      case kCharacterDevice: {
        uint32_t number = inode.read_struct<DeviceInode>().device;
        return {type == kBlockDevice ? Device::Kind::kBlock : Device::Kind::kCharacter,
                number >> 8 & 0xfff, (number & 0xff) | (number >> 12 & 0xfff00)};
      }
      case kFifo:
      case kSocket:
        inode.skip(sizeof(le32));  // links
        return {type == kFifo ? Device::Kind::kFifo : Device::Kind::kSocket};
      default:
        throw Error(fmt::format("bad type of inode {}", type));
    }
  }

  void apply(const Attributes& attributes, Node& node) {
    node.label = attributes.label;
    if (attributes.others.empty()) return;
    image_->charge(attributes.size_bytes);
    node.xattrs = std::make_unique<Xattrs>(attributes.others);
  }

  const Attributes& attributes(uint32_t index) {
    auto known = attributes_.find(index);
    if (known != attributes_.end()) return known->second;
    if (index >= image_->xattr_sets().size()) {
      throw Error(
          fmt::format("set of xattrs {} is not among {}", index, image_->xattr_sets().size()));
    }
    const XattrSet& set = image_->xattr_sets()[index];
    MetadataReader reader(*image_, image_->xattr_place(set.entries));
    Attributes attributes;
    for (uint32_t i = 0; i < set.count; ++i) read_xattr(reader, attributes);
    image_->charge(sizeof attributes);
    return attributes_.emplace(index, std::move(attributes)).first->second;
  }

  void read_xattr(MetadataReader& reader, Attributes& attributes) {
    XattrEntry entry = reader.read_struct<XattrEntry>();
    uint16_t prefix = entry.type & kXattrPrefixMask;
    if (prefix >= std::size(kXattrPrefixes) || entry.name_size > 255) {
      throw Error(fmt::format("bad xattr of type {:#x} with a name of {} bytes",
                              uint16_t{entry.type}, uint16_t{entry.name_size}));
    }
    std::string name = kXattrPrefixes[prefix] + reader.read_text(entry.name_size);
    std::string value;
    if (entry.type & kXattrOutOfLine) {
      uint32_t size = reader.read_struct<le32>();
      if (size != sizeof(le64)) {
        throw Error(fmt::format("xattr '{}' has a reference of {} bytes, expected 8", name, size));
      }
      MetadataReader elsewhere(*image_, image_->xattr_place(reader.read_struct<le64>()));
      value = read_xattr_value(elsewhere, name);
    } else {
      value = read_xattr_value(reader, name);
    }
    // Roughly what a map's node takes.
    uint64_t cost = name.size() + value.size() + 128;
    image_->charge(cost);
    if (name == kLabelXattr) {
      if (!value.empty() && value.back() == '\0') value.pop_back();
      if (!attributes.label.empty()) throw Error(fmt::format("xattr '{}' stands twice", name));
      attributes.label = Label(value);
      return;
    }
    attributes.size_bytes += cost;
    if (!attributes.others.emplace(name, std::move(value)).second) {
      throw Error(fmt::format("xattr '{}' stands twice", name));
    }
  }

  static std::string read_xattr_value(MetadataReader& reader, std::string_view name) {
    uint32_t size = reader.read_struct<le32>();
    if (size > kMaxXattrValue) {
      throw Error(
          fmt::format("xattr '{}' has {} bytes, expected at most {}", name, size, kMaxXattrValue));
    }
    return reader.read_text(size);
  }

  std::shared_ptr<Image> image_;
  const Superblock& superblock_;
  PathsByInode* numbers_;
  std::string path_;
  std::unordered_set<uint64_t> directories_;  // references of those that were read
  std::unordered_map<uint32_t, Attributes> attributes_;
};

}  // namespace

FileTree read_squashfs(std::shared_ptr<const File> file, PathsByInode* numbers) {
  std::shared_ptr<Image> image = std::make_shared<Image>(std::move(file));
  return image->in_context([&] { return TreeReader(image, numbers).read(); });
}

}  // namespace imagefmt
