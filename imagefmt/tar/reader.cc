// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <istream>

#include "imagefmt/archive.h"
#include "imagefmt/spool.h"
#include "imagefmt/tar/metadata.h"
#include "imagefmt/tar/tar.h"
#include "imagefmt/tree_builder.h"
#include "imagefmt/unfolding.h"

namespace imagefmt {

namespace tar {

namespace {

constexpr size_t kBlock = 512;        // of an archive; the last two of it are zero
constexpr size_t kMaxPath = 4095;     // PATH_MAX without its NUL
constexpr size_t kMaxFaults = 1000;   // more of them say nothing more
constexpr uint64_t kNodeBytes = 256;  // of memory, about
constexpr uint64_t kXattrBytes = 128;

/// The names that a path of an archive goes through; none for the root.
std::vector<std::string_view> names_in(std::string_view path) {
  if (path.empty()) throw Error("an empty name");
  if (path.size() > kMaxPath) {
    throw Error(fmt::format("a path of {} bytes, longer than {}", path.size(), kMaxPath));
  }
  std::vector<std::string_view> names;
  for (size_t start = 0; start < path.size();) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, end - start);
    start = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") throw Error("'..' in its path");
    check_entry_name(name);
    names.push_back(name);
  }
  if (names.size() > kMaxDepth) throw Error(fmt::format("deeper than {} folders", kMaxDepth));
  return names;
}

class Reader {
 public:
  /// `file` is null for a stream.
  Reader(ByteStream& input, std::shared_ptr<const File> file, const TarOptions& options)
      : options_(options), archive_(input), file_(std::move(file)), builder_(implied_folder()) {}

  FileTree read() {
    try {
      while (std::optional<Archive::Entry> entry = next()) take(*entry);
      if (spool_) spool_->flush();
    } catch (const Error& error) {  // there is no going on; but what was found before is as bad
      faults_.add(error.what());
    }
    faults_.throw_if_any();
    return std::move(builder_).finish();
  }

 private:
  struct Placed {
    TreeBuilder::Number number;
    std::optional<uint64_t> size_bytes;  // of the content that follows
  };

  std::optional<Archive::Entry> next() {
    return with_context(place_name(), [&] {
      const uint64_t end = archive_.position();
      std::optional<Archive::Entry> entry = archive_.next();
      if (!entry && archive_.position() < end + kBlock) {
        throw Error("it ends without the zeros that end an archive: a part is missing");
      }
      return entry;
    });
  }
  std::string place_name() const {
    return path_.empty() ? "its start" : fmt::format("after '{}'", path_);
  }

  void take(const Archive::Entry& entry) {
    const char* path = archive_entry_pathname(entry.header);
    path_ = path ? path : "";
    std::optional<Placed> placed;
    try {
      if (!entry.complaint.empty()) throw Error(entry.complaint);
      placed = place(entry.header);
    } catch (const Error& error) {
      faults_.add(fmt::format("'{}': {}", path_, error.what()));
      if (faults_.messages().size() == kMaxFaults) throw Error("too much of it cannot be taken");
    }
    unfolding_.set_image_bytes(archive_.bytes_read());
    unfolding_.charge(std::exchange(new_bytes_, 0));
    with_context(fmt::format("'{}'", path_), [&] {
      if (placed && placed->size_bytes) {
        const bool sparse = archive_entry_sparse_count(entry.header) != 0;
        Content content = read_content(*placed->size_bytes, sparse);
        builder_.at(placed->number).kind = Regular{std::move(content)};
      } else {
        archive_.skip_data();
      }
    });
  }

  /// Puts the entry's node into the tree, without its content.
  Placed place(archive_entry* header) {
    const std::vector<std::string_view> names = names_in(path_);
    Placed placed{TreeBuilder::kRoot, std::nullopt};
    Node node;
    if (const char* target = archive_entry_hardlink(header)) {
      node = linked_node(target);
    } else {
      node = node_of(header);
      if (node.regular()) placed.size_bytes = size_of(header);
    }
    if (node.xattrs) {
      for (const auto& [name, value] : *node.xattrs) {
        new_bytes_ += kXattrBytes + name.size() + value.size();
      }
    }
    if (const Symlink* link = node.symlink()) new_bytes_ += link->target.size();
    if (names.empty()) {
      if (!node.directory()) throw Error("the root, expected a folder");
      builder_.at(TreeBuilder::kRoot) = std::move(node);
      return placed;
    }
    const TreeBuilder::Number folder = folder_of(names);
    const std::optional<TreeBuilder::Number> standing = builder_.find(folder, names.back());
    if (!standing) {
      placed.number = add(folder, names.back(), std::move(node));
      return placed;
    }
    if (options_.each_once && !(node.directory() && builder_.at(*standing).directory())) {
      throw Error("it stands there already");
    }
    // A folder's entries are the builder's to keep: its node can be replaced by that of another.
    if (!node.directory() && builder_.has_entries(*standing)) {
      throw Error("a folder with something in it stands there");
    }
    builder_.at(*standing) = std::move(node);
    placed.number = *standing;
    return placed;
  }

  /// The one above the last of `names`; those that are missing are made.
  TreeBuilder::Number folder_of(const std::vector<std::string_view>& names) {
    TreeBuilder::Number folder = TreeBuilder::kRoot;
    for (size_t i = 0; i + 1 < names.size(); ++i) {
      const std::optional<TreeBuilder::Number> standing = builder_.find(folder, names[i]);
      folder = standing ? *standing : add(folder, names[i], implied_folder());
      if (!builder_.at(folder).directory()) {
        throw Error(fmt::format("'{}' above it is no folder", names[i]));
      }
    }
    return folder;
  }

  TreeBuilder::Number add(TreeBuilder::Number folder, std::string_view name, Node node) {
    new_bytes_ += kNodeBytes + name.size();
    return builder_.add(folder, name, std::move(node));
  }

  Node implied_folder() const {
    Node node = make_directory(0755);
    node.mtime = options_.implied_mtime;
    return node;
  }

  /// What stands now where a hard link leads to.
  Node linked_node(std::string_view target) {
    return with_context(fmt::format("hard link to '{}'", target), [&] {
      std::optional<TreeBuilder::Number> number = TreeBuilder::kRoot;
      for (std::string_view name : names_in(target)) {
        number = builder_.find(*number, name);
        if (!number) throw Error("there is no such entry before it");
      }
      const Node& node = builder_.at(*number);
      if (node.directory()) throw Error("a folder");
      return node.clone();
    });
  }

  Content read_content(uint64_t size_bytes, bool sparse) {
    const bool in_place = file_ && !archive_.is_compressed();
    std::vector<Piece> pieces;
    if (in_place && !sparse) {
      const uint64_t place = archive_.position(), end = file_->size_bytes();
      if (place > end || size_bytes > end - place) throw Error("Truncated tar archive");
      if (size_bytes != 0) pieces = {{0, size_bytes, place}};
      archive_.skip_data();
      check_size(archive_.position() - place == align_up(size_bytes, kBlock));
    } else {
      pieces = read_pieces(size_bytes, sparse, in_place);
    }
    if (size_bytes == 0) return {};
    unfolding_.charge(pieces.size() * sizeof(Piece));
    if (in_place) return content_in_pieces({file_, mtime_}, std::move(pieces), size_bytes);
    if (pieces.empty()) return content_in_pieces({}, {}, size_bytes);
    return content_in_pieces(spool_->file(), std::move(pieces), size_bytes);
  }

  std::vector<Piece> read_pieces(uint64_t size_bytes, bool sparse, bool in_place) {
    std::vector<Piece> pieces;
    uint64_t end = 0, data_bytes = 0;
    while (std::optional<Archive::Block> block = archive_.next_block()) {
      const uint64_t size = block->bytes.size();
      if (size == 0) continue;
      check_size(block->offset >= end && block->offset <= size_bytes &&
                 size <= size_bytes - block->offset);
      end = block->offset + size;
      data_bytes += size;
      if (!in_place && !spool_) spool_.emplace(options_.spool_folder);
      const uint64_t place = in_place ? archive_.position() : spool_->append(block->bytes);
      Piece* last = pieces.empty() ? nullptr : &pieces.back();
      if (last && last->offset + last->size == block->offset && last->place + last->size == place) {
        last->size += size;
      } else {
        pieces.push_back({block->offset, size, place});
      }
    }
    check_size(sparse || data_bytes == size_bytes);
    return pieces;
  }

  static void check_size(bool agrees) {
    if (!agrees) throw Error("the size in its header is not that of its data");
  }

  const TarOptions& options_;
  Archive archive_;
  std::shared_ptr<const File> file_;
  std::optional<timespec> mtime_ = file_ ? std::optional(file_->status().st_mtim) : std::nullopt;
  std::optional<Spool> spool_;
  TreeBuilder builder_;
  Unfolding unfolding_;
  uint64_t new_bytes_ = 0;  // of memory, not yet charged
  std::string path_;        // of the entry
  Faults faults_;
};

FileTree read(ByteStream& input, std::shared_ptr<const File> file, const std::string& name,
              const TarOptions& options) {
  return with_context(fmt::format("cannot read tar '{}'", name),
                      [&] { return Reader(input, std::move(file), options).read(); });
}

}  // namespace

}  // namespace tar

FileTree read_tar(std::shared_ptr<const File> file, const TarOptions& options) {
  FileByteStream input(file);
  return tar::read(input, file, file->name(), options);
}

FileTree read_tar(std::istream& stream, const std::string& name, const TarOptions& options) {
  StandardByteStream input(stream);
  return tar::read(input, nullptr, name, options);
}

}  // namespace imagefmt
