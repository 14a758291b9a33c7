// SPDX-License-Identifier: Apache-2.0
//
// The file tree: the one value that a build makes and then writes. A label is a string on a node;
// what it means is not known here. There are no hard links: names of one inode in the source are
// nodes of their own, and writers share data by content.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "imagefmt/content.h"

namespace imagefmt {

/// A SELinux context as nodes hold it: without its NUL, empty until labelled. Copies share the
/// text, so whoever makes labels makes each context once.
class Label {
 public:
  Label() = default;
  explicit Label(std::string_view text)
      : text_(text.empty() ? nullptr : std::make_shared<const std::string>(text)) {}
  std::string_view text() const { return text_ ? std::string_view(*text_) : std::string_view(); }
  bool empty() const { return !text_; }
  friend bool operator==(const Label& a, const Label& b) {
    return a.text_ == b.text_ || a.text() == b.text();
  }

 private:
  std::shared_ptr<const std::string> text_;
};

struct Entry;

/// Entries sorted by the bytes of their names, each name once. Entries hold Nodes, which hold
/// Directories, so what needs the size of an Entry is defined in tree.cc.
struct Directory {
  Directory();
  explicit Directory(std::vector<Entry> sorted_entries);
  Directory(Directory&&) noexcept;
  Directory& operator=(Directory&&) noexcept;
  ~Directory();

  std::vector<Entry> entries;
};
struct Regular {
  Content content;
};
struct Symlink {
  std::string target;
};
struct Device {
  enum class Kind : uint8_t { kCharacter, kBlock, kFifo, kSocket };
  Kind kind = Kind::kCharacter;
  uint32_t major = 0, minor = 0;  // 0 for fifo and socket
  friend bool operator==(const Device&, const Device&) = default;
};

/// Extended attributes other than security.selinux, by full name (`security.capability`).
using Xattrs = std::map<std::string, std::string>;

struct Node {
  std::variant<Directory, Regular, Symlink, Device> kind;
  uint16_t mode = 0755;  // permission bits, 07777
  uint32_t uid = 0, gid = 0;
  int64_t mtime = 1;  // seconds
  Label label;
  std::unique_ptr<Xattrs> xattrs;  // null if there are none

  Node() = default;
  Node(std::variant<Directory, Regular, Symlink, Device> node_kind, uint16_t node_mode)
      : kind(std::move(node_kind)), mode(node_mode) {}
  Node(Node&&) noexcept = default;
  Node& operator=(Node&&) noexcept = default;
  /// A copy of the node and all below it.
  Node clone() const;

  Directory* directory() { return std::get_if<Directory>(&kind); }
  const Directory* directory() const { return std::get_if<Directory>(&kind); }
  const Regular* regular() const { return std::get_if<Regular>(&kind); }
  const Symlink* symlink() const { return std::get_if<Symlink>(&kind); }
  const Device* device() const { return std::get_if<Device>(&kind); }
};

struct Entry {
  std::string name;
  Node node;
};

/// Equal in everything that an image holds, bytes of files included.
bool operator==(const Node& a, const Node& b);

Node make_directory(uint16_t mode = 0755);
Node make_regular(Content content, uint16_t mode = 0644);
Node make_symlink(std::string target);

/// What a node is, by Linux's numbers for it, which the listings of ext4 and erofs have.
enum NodeType : uint8_t {
  kRegularType = 1,
  kDirectoryType = 2,
  kCharacterType = 3,
  kBlockType = 4,
  kFifoType = 5,
  kSocketType = 6,
  kSymlinkType = 7,
};
NodeType node_type(const Node& node);
/// The bits of the type in a mode, as stat shows them.
uint16_t mode_bits(NodeType type);
/// `f d l c b p s`, as `inspect` and `find -type` name them.
char type_letter(const Node& node);

/// Throws unless `name` can be a directory entry: 1 to 255 bytes, no '/', no NUL, not '.' or '..'.
void check_entry_name(std::string_view name);

/// The longest chain of directories that a tree may have. Readers refuse deeper images, and
/// everything that recurses over a tree relies on it.
constexpr size_t kMaxDepth = 1024;
constexpr size_t kMaxSymlinkTarget = 4095;

const Entry* find_entry(const Directory& directory, std::string_view name);
Entry* find_entry(Directory& directory, std::string_view name);

/// A root directory and what lies below it. Move-only; `clone()` copies.
class FileTree {
 public:
  FileTree() : root_(make_directory()) {}
  explicit FileTree(Node root) : root_(std::move(root)) {}
  FileTree clone() const { return FileTree(root_.clone()); }

  Node& root() { return root_; }
  const Node& root() const { return root_; }

  /// The node at an absolute path, symlinks not followed; null if there is none.
  Node* find(std::string_view path);
  const Node* find(std::string_view path) const;

  /// Adds a node at an absolute path. Directories missing on the way are made (0755, 0:0). Throws
  /// `cannot add '<path>': …` if something stands there, if a parent is no directory, or if a name
  /// is not legal. The pointer that it returns is good until the next insertion.
  Node& insert(std::string_view path, Node node);

  friend bool operator==(const FileTree& a, const FileTree& b) { return a.root_ == b.root_; }

 private:
  Node root_;
};

/// Paths by the inode numbers that an image gives them, which the kernel shows (`stat`, audit
/// messages); the names of one inode are paths of their own.
using PathsByInode = std::vector<std::pair<uint64_t, std::string>>;

/// A tree that was read from an image, with its numbers.
struct NumberedTree {
  FileTree tree;
  PathsByInode paths_by_inode;  // sorted
};

/// Calls `visit(path, node)` for the root ("/") and all below it, parents first, entries by the
/// bytes of their names. `path` is good during the call only.
void walk(const FileTree& tree, const std::function<void(const std::string&, const Node&)>& visit);
void walk(FileTree& tree, const std::function<void(const std::string&, Node&)>& visit);

/// The same for the regular files alone, in the order in which images hold their data: the files of
/// a folder, then those of each of its folders.
void walk_files(const FileTree& tree,
                const std::function<void(const std::string&, const Node&)>& visit);

struct TreeTotals {
  uint64_t inodes = 0;
  uint64_t data_bytes = 0;  // regular files' sizes, duplicates counted each time
};
TreeTotals totals(const FileTree& tree);

}  // namespace imagefmt
