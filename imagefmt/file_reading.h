// SPDX-License-Identifier: Apache-2.0
//
// The bytes of many files, in order: small ones read ahead on other threads, equal ones found, and
// what a reference holds left unread.
#pragma once

#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "imagefmt/base/workers.h"
#include "imagefmt/content.h"
#include "imagefmt/equal_files.h"

namespace imagefmt {

/// Memory of one size that goes back to its pool with the last user. Fresh memory for each block
/// would cost a page fault every 4 KiB. For any thread.
class BufferPool {
 public:
  using Buffer = std::shared_ptr<uint8_t[]>;

  explicit BufferPool(size_t size);
  size_t size() const;
  Buffer take();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// Bytes that stay good while `owner` lives.
struct OwnedBytes {
  BufferPool::Buffer owner;
  ByteView bytes;
};

/// Takes what the files hold, in the order of the files.
class FileSink {
 public:
  virtual ~FileSink() = default;
  /// A file comes in parts of FileReading::kPartBytes and a last one, which may be shorter; an
  /// empty file comes in one empty part.
  virtual void add_part(size_t file, const OwnedBytes& part, bool is_last) = 0;
  /// `file` has the bytes of `earlier`, a file that came before. `bytes` are all of them, if they
  /// are one part and were read; else nothing.
  virtual void add_equal(size_t file, size_t earlier, const OwnedBytes& bytes) = 0;
  /// `file` was not read: its place is known, and no file before it is equal, as far as they are
  /// compared. Comes only where places were given.
  virtual void add_known(size_t file) = 0;
};

class FileReading {
 public:
  static constexpr size_t kPartBytes = 1 << 20;

  /// Files of fewer than `least_shared_bytes` are not compared to others; of empty ones none is.
  /// `places`: an item a file, or none. Files whose places are known are read only where others of
  /// their size are not. REQUIRES: the contents outlive this.
  FileReading(std::vector<const Content*> files, uint64_t least_shared_bytes,
              std::vector<KnownPlace> places = {});

  /// Whether another file has the size of this one, so that one may turn out to be equal to it.
  bool may_recur(size_t file) const { return comparisons_[file] != Comparison::kNone; }

  /// Of the files that run() reads.
  uint64_t read_bytes() const;

  /// Reads all files into `sink`, which is called on this thread; `read_ahead` batches of small
  /// files are read by `workers` meanwhile. Throws what reading a file gives. REQUIRES: called
  /// once; `workers` ends before this does.
  void run(Workers& workers, size_t read_ahead, FileSink& sink);

 private:
  static constexpr size_t kBatchFiles = 128;

  /// Small files, in order, read at once.
  struct Batch {
    struct File {
      size_t index;
      ByteView bytes;  // in the buffer
      uint64_t fingerprint;
    };
    BufferPool::Buffer buffer;
    std::vector<File> files;
  };

  uint64_t size_of(size_t file) const { return files_[file]->size_bytes(); }
  bool is_small(size_t file) const { return size_of(file) <= kPartBytes; }
  bool is_compared(size_t file) const { return comparisons_[file] == Comparison::kByBytes; }
  bool is_read(size_t file) const {
    return places_.empty() || places_[file] == kUnknownPlace || is_compared(file);
  }
  void keep_reading(Workers& workers, size_t read_ahead);
  void read_batch(Batch& batch);
  void pass_on(const Batch::File& file, const BufferPool::Buffer& buffer, FileSink& sink);
  void pass_unread(size_t file, FileSink& sink);
  void read_large(size_t file, FileSink& sink);
  template <class IsEqual>
  std::optional<size_t> find_equal(size_t file, uint64_t fingerprint, const IsEqual& is_equal);

  std::vector<const Content*> files_;
  std::vector<KnownPlace> places_;
  std::vector<Comparison> comparisons_;
  BufferPool buffers_{kPartBytes};
  size_t next_to_read_ = 0;
  std::deque<std::future<Batch>> batches_;
  // The first ones of equals.
  std::unordered_map<uint64_t, std::vector<size_t>> by_fingerprint_;
  std::map<std::pair<bool, KnownPlace>, size_t> by_place_;  // and whether they are uncompressed
};

}  // namespace imagefmt
