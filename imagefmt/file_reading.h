// SPDX-License-Identifier: Apache-2.0
//
// The bytes of many files, in order: small ones read ahead on other threads, equal ones found.
#pragma once

#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "imagefmt/base/workers.h"
#include "imagefmt/content.h"

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
  /// `file` has the bytes of `earlier`, a file that came in parts. `bytes` are all of them, if they
  /// are one part; of larger files nothing.
  virtual void add_equal(size_t file, size_t earlier, const OwnedBytes& bytes) = 0;
};

class FileReading {
 public:
  static constexpr size_t kPartBytes = 1 << 20;

  /// Files of fewer than `least_shared_bytes` are not compared to others; of empty ones none is.
  /// REQUIRES: the contents outlive this.
  FileReading(std::vector<const Content*> files, uint64_t least_shared_bytes);

  /// Whether another file has the size of this one, so that one may turn out to be equal to it.
  bool may_recur(size_t file) const { return may_recur_[file]; }

  /// Reads all files into `sink`, which is called on this thread; `read_ahead` batches of small
  /// files are read by `workers` meanwhile. Throws what reading a file gives. REQUIRES: called
  /// once; `workers` ends before this does.
  void run(Workers& workers, size_t read_ahead, FileSink& sink);

 private:
  static constexpr size_t kBatchFiles = 128;

  /// Small files that follow each other, read at once.
  struct Batch {
    size_t first = 0, count = 0;  // files
    BufferPool::Buffer buffer;    // their bytes, one file after the other
    std::vector<size_t> fingerprints;
  };

  uint64_t size_of(size_t file) const { return files_[file]->size_bytes(); }
  bool is_small(size_t file) const { return size_of(file) <= kPartBytes; }
  void keep_reading(Workers& workers, size_t read_ahead, size_t file);
  void read_batch(Batch& batch);
  void pass_on(const Batch& batch, FileSink& sink);
  void read_large(size_t file, FileSink& sink);
  template <class IsEqual>
  std::optional<size_t> find_equal(size_t file, size_t fingerprint, const IsEqual& is_equal);

  std::vector<const Content*> files_;
  std::vector<bool> may_recur_;
  BufferPool buffers_{kPartBytes};
  size_t next_to_read_ = 0;
  std::deque<std::future<Batch>> batches_;
  std::unordered_map<size_t, std::vector<size_t>> by_fingerprint_;  // the first ones of equals
};

}  // namespace imagefmt
