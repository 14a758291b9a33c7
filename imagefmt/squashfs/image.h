// SPDX-License-Identifier: Apache-2.0
//
// Access to the parts of an image that nobody vouches for: every position and size is checked
// here, and what unfolds is counted.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "imagefmt/base/file.h"
#include "imagefmt/recently_used.h"
#include "imagefmt/squashfs/codec.h"
#include "imagefmt/unfolding.h"

namespace imagefmt::squashfs {

/// A block of the image, unfolded.
struct Block {
  Bytes bytes;
  uint64_t end;  // where it ends on disk
};
using SharedBlock = std::shared_ptr<const Block>;

/// A place in a metadata stream.
struct MetadataPlace {
  uint64_t block = 0;   // absolute
  uint32_t offset = 0;  // in the block's bytes
};

class Image {
 public:
  /// Reads the superblock and the tables of ids, fragments and xattr sets.
  explicit Image(std::shared_ptr<const File> file);

  const Superblock& superblock() const { return superblock_; }
  uint32_t block_size() const { return block_size_; }
  /// Throws `user or group 7 is not among 3 ids`.
  uint32_t id(uint16_t index) const;
  const std::vector<FragmentEntry>& fragments() const { return fragments_; }
  const std::vector<XattrSet>& xattr_sets() const { return xattr_sets_; }

  /// The place that `reference` means in the table at `table`.
  MetadataPlace place(uint64_t table, uint64_t reference) const;
  MetadataPlace xattr_place(uint64_t reference) const { return place(xattr_entries_, reference); }

  SharedBlock metadata_block(uint64_t position) const;

  /// Reads a data block into exactly `into`. `size` is its entry in the block list.
  void read_block(uint64_t start, uint32_t size, std::span<uint8_t> into) const;
  /// The same for a block of which a part is needed, so that the next part is at hand: at most
  /// block_size() bytes.
  SharedBlock shared_block(uint64_t start, uint32_t size) const;

  /// Counts memory that the image makes its reader use; throws when it is out of proportion.
  void charge(uint64_t bytes) { unfolding_.charge(bytes); }

  /// Runs `body` and says in any Error which image could not be read.
  template <class Body>
  decltype(auto) in_context(Body&& body) const {
    return with_context(context_, std::forward<Body>(body));
  }

 private:
  struct Worker {
    Decompressor decompressor;
    Bytes packed;
  };
  class WorkerLease;

  void read_superblock();
  template <class Entry>
  std::vector<Entry> read_table(uint64_t list, uint64_t count, std::string_view what);
  size_t unfold(uint64_t start, uint32_t size, std::span<uint8_t> into) const;

  std::shared_ptr<const File> file_;
  std::string context_;
  Superblock superblock_;
  uint32_t block_size_ = 0;
  uint64_t bytes_used_ = 0;
  Unfolding unfolding_;
  std::vector<le32> ids_;
  std::vector<FragmentEntry> fragments_;
  std::vector<XattrSet> xattr_sets_;
  uint64_t xattr_entries_ = 0;

  mutable RecentlyUsed<SharedBlock> metadata_cache_{1024};
  mutable RecentlyUsed<SharedBlock> block_cache_{8};
  mutable std::mutex workers_mutex_;
  mutable std::vector<std::unique_ptr<Worker>> idle_workers_;
};

/// Reads a metadata stream in order.
class MetadataReader {
 public:
  MetadataReader(const Image& image, MetadataPlace place) : image_(image) { go_to(place); }
  void go_to(MetadataPlace place);
  void read(std::span<uint8_t> into);
  void skip(uint64_t count);
  std::string read_text(size_t size);
  template <class T>
  T read_struct() {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    T value;
    read({reinterpret_cast<uint8_t*>(&value), sizeof value});
    return value;
  }
  MetadataPlace place() const { return {position_, static_cast<uint32_t>(offset_)}; }

 private:
  /// What is left of the block, or the next one if this is used up; never empty.
  ByteView rest();

  const Image& image_;
  uint64_t position_ = 0;
  SharedBlock block_;
  size_t offset_ = 0;
};

}  // namespace imagefmt::squashfs
