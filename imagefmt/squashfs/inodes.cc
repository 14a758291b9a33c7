// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/inodes.h"

namespace imagefmt::squashfs {

namespace {

/// A directory's entries as the directory table holds them.
struct Listing {
  uint64_t reference = 0;
  uint64_t size = 0;
  uint32_t folder_count = 0;
  Bytes index;  // DirectoryIndex structs and names
  uint32_t index_count = 0;
};

uint16_t inode_type(const Node& node) {
  static constexpr uint16_t kTypes[] = {0,     kRegular, kDirectory, kCharacterDevice, kBlockDevice,
                                        kFifo, kSocket,  kSymlink};
  return kTypes[node_type(node)];
}

class InodeWriter {
 public:
  InodeWriter(const PlacedData& data, InodeTables& tables)
      : data_(data), tables_(tables), inodes_(tables.inodes), listings_(tables.directories) {}

  void write_root(const Node& root) {
    Listing listing = write_children(*root.directory(), 1);
    // As its parent the root names a number that no inode has.
    tables_.inode_count = next_number_ - 1;
    tables_.root = write_directory(root, 1, next_number_, listing);
  }

 private:
  /// Writes all below `directory`, whose own inode is its parent's to write: so the inodes of one
  /// directory follow each other, which keeps its listing short.
  Listing write_children(const Directory& directory, uint32_t number) {
    const std::vector<Entry>& entries = directory.entries;
    uint32_t first_number = next_number_;
    next_number_ += static_cast<uint32_t>(entries.size());
    size_t file = next_file_;
    for (const Entry& entry : entries) next_file_ += entry.node.regular() != nullptr;

    std::vector<Listing> folders;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (const Directory* folder = entries[i].node.directory()) {
        folders.push_back(write_children(*folder, first_number + static_cast<uint32_t>(i)));
      }
    }
    std::vector<uint64_t> references(entries.size());
    size_t folder = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      const Node& node = entries[i].node;
      uint32_t child = first_number + static_cast<uint32_t>(i);
      if (node.directory()) {
        references[i] = write_directory(node, child, number, folders[folder++]);
      } else if (const Regular* regular = node.regular()) {
        references[i] = write_regular(node, child, regular->content, data_.files[file++]);
      } else {
        references[i] = write_other(node, child);
      }
    }
    Listing listing = write_listing(entries, references, first_number);
    listing.folder_count = static_cast<uint32_t>(folders.size());
    return listing;
  }

  Listing write_listing(const std::vector<Entry>& entries, const std::vector<uint64_t>& references,
                        uint32_t first_number) {
    Listing listing;
    listing.reference = listings_.reference();
    uint64_t block = listing.reference >> 16;
    for (size_t first = 0; first < entries.size();) {
      uint64_t place = listings_.reference();
      if (place >> 16 != block) {
        block = place >> 16;
        append_index(listing, static_cast<uint32_t>(block), entries[first].name);
      }
      size_t end = end_of_run(entries, references, first, place & 0xffff);
      uint32_t base = first_number + static_cast<uint32_t>(first);
      append(listing,
             bytes_of(ListingHeader{static_cast<uint32_t>(end - first - 1),
                                    static_cast<uint32_t>(references[first] >> 16), base}));
      for (size_t i = first; i < end; ++i) {
        const std::string& name = entries[i].name;
        append(listing,
               bytes_of(ListingEntry{static_cast<uint16_t>(references[i] & 0xffff),
                                     static_cast<uint16_t>(i - first), inode_type(entries[i].node),
                                     static_cast<uint16_t>(name.size() - 1)}));
        append(listing, as_bytes(name));
      }
      first = end;
    }
    // The size is a 32-bit field, 3 more than the listing.
    if (listing.size > UINT32_MAX - 3 || listing.index_count > UINT16_MAX) {
      throw Error(fmt::format("a folder of {} entries is too large for squashfs", entries.size()));
    }
    return listing;
  }

  /// A run ends with its metadata block, so that each block of a long listing has a header that
  /// the index can point to.
  static size_t end_of_run(const std::vector<Entry>& entries,
                           const std::vector<uint64_t>& references, size_t first, uint64_t offset) {
    uint64_t used = offset + sizeof(ListingHeader);
    size_t end = first;
    while (end < entries.size() && end - first < kMaxListingRun &&
           references[end] >> 16 == references[first] >> 16) {
      used += sizeof(ListingEntry) + entries[end].name.size();
      ++end;
      if (used >= kMetadataBlockSize) break;
    }
    return end;
  }

  void append(Listing& listing, ByteView bytes) {
    listings_.append(bytes);
    listing.size += bytes.size();
  }

  static void append_index(Listing& listing, uint32_t block, std::string_view name) {
    DirectoryIndex index{static_cast<uint32_t>(listing.size), block,
                         static_cast<uint32_t>(name.size() - 1)};
    for (ByteView bytes : {bytes_of(index), as_bytes(name)}) {
      listing.index.insert(listing.index.end(), bytes.begin(), bytes.end());
    }
    ++listing.index_count;
  }

  /// Appends the header; returns the reference of the inode.
  uint64_t begin_inode(const Node& node, uint32_t number, bool extended) {
    uint64_t reference = inodes_.reference();
    inodes_.append(bytes_of(
        InodeHeader{static_cast<uint16_t>(inode_type(node) + (extended ? kExtended : 0)), node.mode,
                    tables_.ids.index_of(node.uid), tables_.ids.index_of(node.gid),
                    static_cast<uint32_t>(node.mtime), number}));
    return reference;
  }

  uint64_t write_directory(const Node& node, uint32_t number, uint32_t parent,
                           const Listing& listing) {
    uint32_t xattrs = tables_.xattrs.index_of(node);
    uint32_t size = static_cast<uint32_t>(listing.size) + 3;
    uint32_t links = listing.folder_count + 2;
    uint32_t block = static_cast<uint32_t>(listing.reference >> 16);
    uint16_t offset = listing.reference & 0xffff;
    bool extended = xattrs != kNoXattrs || size > UINT16_MAX || listing.index_count != 0;
    uint64_t reference = begin_inode(node, number, extended);
    if (extended) {
      inodes_.append(bytes_of(ExtendedDirectoryInode{
          links, size, block, parent, static_cast<uint16_t>(listing.index_count), offset, xattrs}));
      inodes_.append(listing.index);
    } else {
      inodes_.append(
          bytes_of(DirectoryInode{block, links, static_cast<uint16_t>(size), offset, parent}));
    }
    return reference;
  }

  uint64_t write_regular(const Node& node, uint32_t number, const Content& content,
                         const PlacedFile& place) {
    uint32_t xattrs = tables_.xattrs.index_of(node);
    uint64_t size = content.size_bytes();
    bool extended = xattrs != kNoXattrs || size > UINT32_MAX || place.start > UINT32_MAX ||
                    place.sparse_bytes != 0;
    uint64_t reference = begin_inode(node, number, extended);
    if (extended) {
      inodes_.append(bytes_of(ExtendedRegularInode{place.start, size, place.sparse_bytes, 1,
                                                   place.fragment, place.fragment_offset, xattrs}));
    } else {
      inodes_.append(bytes_of(RegularInode{static_cast<uint32_t>(place.start), place.fragment,
                                           place.fragment_offset, static_cast<uint32_t>(size)}));
    }
    inodes_.append({reinterpret_cast<const uint8_t*>(data_.block_sizes.data() + place.first_size),
                    place.block_count * sizeof(le32)});
    return reference;
  }

  uint64_t write_other(const Node& node, uint32_t number) {
    uint32_t xattrs = tables_.xattrs.index_of(node);
    bool extended = xattrs != kNoXattrs;
    uint64_t reference = begin_inode(node, number, extended);
    if (const Symlink* link = node.symlink()) {
      inodes_.append(bytes_of(SymlinkInode{1, static_cast<uint32_t>(link->target.size())}));
      inodes_.append(as_bytes(link->target));
    } else if (const Device& device = *node.device();
               device.kind == Device::Kind::kCharacter || device.kind == Device::Kind::kBlock) {
      uint32_t number_on_disk =
          (device.minor & 0xff) | device.major << 8 | (device.minor & ~0xffu) << 12;
      inodes_.append(bytes_of(DeviceInode{1, number_on_disk}));
    } else {
      inodes_.append(bytes_of(le32(1)));  // links
    }
    if (extended) inodes_.append(bytes_of(le32(xattrs)));
    return reference;
  }

  const PlacedData& data_;
  InodeTables& tables_;
  MetadataStream& inodes_;
  MetadataStream& listings_;
  uint32_t next_number_ = 2;  // the root has 1
  size_t next_file_ = 0;
};

}  // namespace

void write_inodes(const FileTree& tree, const PlacedData& data, InodeTables& tables) {
  InodeWriter(data, tables).write_root(tree.root());
}

}  // namespace imagefmt::squashfs
