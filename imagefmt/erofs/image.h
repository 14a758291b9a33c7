// SPDX-License-Identifier: Apache-2.0
//
// Access to the parts of an image that nobody vouches for: every position and size is checked
// here.
#pragma once

#include <memory>

#include "imagefmt/base/file.h"
#include "imagefmt/erofs/format.h"
#include "imagefmt/recently_used.h"

namespace imagefmt::erofs {

using SharedBytes = std::shared_ptr<const Bytes>;

/// An inode, whichever its form.
struct Inode {
  uint64_t nid;
  uint16_t mode;
  Layout layout;
  uint64_t size;
  uint32_t start, uid, gid;
  int64_t mtime;
  uint64_t xattrs, xattr_bytes;  // where they stand, and what they take: 0 for none
  uint64_t body;                 // where the inline data or an index stands
};

/// Several threads may use one.
class Image {
 public:
  /// Reads the superblock.
  explicit Image(std::shared_ptr<const File> file);

  const Superblock& superblock() const { return superblock_; }
  bool has(IncompatFeature feature) const { return superblock_.incompat_features & feature; }
  uint64_t size_bytes() const { return uint64_t{superblock_.block_count} * kBlockSize; }

  /// Throws `bytes 4096 to 8192 lie outside of the image`.
  void check_range(uint64_t position, uint64_t size) const;
  /// Reads metadata, which is likely to be read again.
  void read(uint64_t position, std::span<uint8_t> into) const;
  template <class T>
  T read_struct(uint64_t position) const {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    T value;
    read(position, {reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
  std::string read_text(uint64_t position, size_t size) const;
  /// Reads data.
  void read_data(uint64_t position, std::span<uint8_t> into) const;

  Inode read_inode(uint64_t nid) const;

  /// Extents that were unfolded, by the blocks that they begin in.
  RecentlyUsed<SharedBytes>& unfolded() const { return unfolded_; }

  /// Runs `body` and says in any Error which image could not be read.
  template <class Body>
  decltype(auto) in_context(Body&& body) const {
    return with_context(context_, std::forward<Body>(body));
  }

 private:
  void read_superblock();

  std::shared_ptr<const File> file_;
  std::string context_;
  Superblock superblock_{};
  mutable RecentlyUsed<SharedBytes> blocks_{1024};
  mutable RecentlyUsed<SharedBytes> unfolded_{8};
};

}  // namespace imagefmt::erofs
