// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/data_blocks.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <future>
#include <mutex>
#include <numeric>
#include <unordered_map>

#include "imagefmt/base/parallel.h"
#include "imagefmt/base/workers.h"

namespace imagefmt::squashfs {

namespace {

/// Memory of one size that goes back to its pool with the last user. Fresh memory for each block
/// would cost a page fault every 4 KiB.
class BufferPool {
 public:
  using Buffer = std::shared_ptr<uint8_t[]>;

  explicit BufferPool(size_t size) : shared_(std::make_shared<Shared>()) { shared_->size = size; }
  size_t size() const { return shared_->size; }
  Buffer take() {
    std::unique_ptr<uint8_t[]> memory;
    {
      std::lock_guard lock(shared_->mutex);
      if (!shared_->free.empty()) {
        memory = std::move(shared_->free.back());
        shared_->free.pop_back();
      }
    }
    if (!memory) memory.reset(new uint8_t[shared_->size]);
    return {memory.release(), [shared = shared_](uint8_t* returned) {
              std::lock_guard lock(shared->mutex);
              shared->free.emplace_back(returned);
            }};
  }

 private:
  struct Shared {
    size_t size;
    std::mutex mutex;
    std::vector<std::unique_ptr<uint8_t[]>> free;
  };
  std::shared_ptr<Shared> shared_;
};
using Buffer = BufferPool::Buffer;

bool all_zero(ByteView bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

/// Finds files that may be equal; that they are is decided by their bytes.
size_t fingerprint(ByteView bytes) {
  return std::hash<std::string_view>()(as_text(bytes));
}

/// Bytes that stay good while `owner` lives.
struct OwnedBytes {
  Buffer owner;
  ByteView bytes;
};

/// Small files that follow each other, read at once.
struct Batch {
  size_t first = 0, count = 0;  // files
  Buffer buffer;                // their bytes, one file after the other
  std::vector<size_t> fingerprints;
};

struct PackedBlock {
  OwnedBytes stored;
  bool compressed;
};

/// A block on its way into the image.
struct PendingBlock {
  std::future<PackedBlock> packed;  // none: a block of zeros
  uint32_t size;                    // of its bytes in the file
  bool is_fragment;
  size_t index;  // of the file or the fragment
};

class DataWriter {
 public:
  DataWriter(const std::vector<SourceFile>& files, const DataOptions& options, Output& out,
             Stage& stage)
      : files_(files),
        block_size_(options.block_size),
        out_(out),
        stage_(stage),
        batch_buffers_(std::max<size_t>(kBatchBytes, block_size_)),
        block_buffers_(block_size_) {
    unsigned jobs = job_count(options.jobs);
    read_ahead_ = jobs + 1;
    window_ = std::clamp<size_t>(kWindowBytes / block_size_, 2 * jobs, 8 * jobs);
    for (unsigned i = 0; i < jobs; ++i) {
      compressors_.emplace_back(options.compression, options.level, block_size_);
    }
    result_.files.resize(files.size());
    find_sizes_that_recur();
    workers_ = std::make_unique<Workers>(jobs);
  }

  PlacedData run() {
    for (size_t file = 0; file < files_.size();) {
      keep_reading(file);
      if (is_small(file)) {
        Batch batch = batches_.front().get();
        batches_.pop_front();
        place_batch(batch);
        file += batch.count;
      } else {
        place_large(file);
        ++file;
      }
    }
    end_fragment(shared_);
    end_fragment(isolated_);
    while (!pending_.empty()) write_oldest();
    for (const auto& [file, earlier] : same_as_) result_.files[file] = result_.files[earlier];
    return std::move(result_);
  }

 private:
  static constexpr size_t kBatchBytes = 1 << 20;
  static constexpr size_t kBatchFiles = 128;
  static constexpr size_t kWindowBytes = 16 << 20;

  /// A block that collects the ends of files.
  struct OpenFragment {
    Buffer buffer;  // null: none is open
    uint32_t used = 0, group = kSharedGroup;
    size_t index = 0;
  };

  bool is_small(size_t file) const {
    return files_[file].content->size_bytes() <= batch_buffers_.size();
  }

  /// Only files whose size another one has can be equal to one.
  void find_sizes_that_recur() {
    std::vector<size_t> order(files_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    auto size_of = [&](size_t file) { return files_[file].content->size_bytes(); };
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return size_of(a) < size_of(b); });
    may_recur_.resize(files_.size());
    for (size_t i = 1; i < order.size(); ++i) {
      if (size_of(order[i - 1]) != size_of(order[i]) || size_of(order[i]) == 0) continue;
      may_recur_[order[i - 1]] = may_recur_[order[i]] = true;
    }
  }

  /// Submits reads of batches at and behind `file`, up to the next large file.
  void keep_reading(size_t file) {
    next_to_read_ = std::max(next_to_read_, file);
    while (batches_.size() < read_ahead_ && next_to_read_ < files_.size()) {
      // A large file is read by this thread, when its turn comes.
      if (!is_small(next_to_read_)) {
        ++next_to_read_;
        continue;
      }
      Batch batch;
      batch.first = next_to_read_;
      uint64_t bytes = 0;
      while (next_to_read_ < files_.size() && batch.count < kBatchFiles &&
             bytes + files_[next_to_read_].content->size_bytes() <= batch_buffers_.size()) {
        bytes += files_[next_to_read_].content->size_bytes();
        ++batch.count;
        ++next_to_read_;
      }
      batches_.push_back(workers_->submit([this, batch](unsigned) mutable {
        read_batch(batch);
        return std::move(batch);
      }));
    }
  }

  void read_batch(Batch& batch) {
    batch.buffer = batch_buffers_.take();
    batch.fingerprints.resize(batch.count);
    uint8_t* place = batch.buffer.get();
    for (size_t i = 0; i < batch.count; ++i) {
      const Content& content = *files_[batch.first + i].content;
      std::span<uint8_t> bytes(place, static_cast<size_t>(content.size_bytes()));
      if (bytes.empty()) continue;
      std::unique_ptr<ContentReader> reader = content.open();
      reader->read(bytes);
      reader->finish();
      if (may_recur_[batch.first + i]) batch.fingerprints[i] = fingerprint(bytes);
      place += bytes.size();
    }
  }

  void place_batch(const Batch& batch) {
    const uint8_t* place = batch.buffer.get();
    for (size_t i = 0; i < batch.count; ++i) {
      size_t file = batch.first + i;
      ByteView bytes(place, static_cast<size_t>(files_[file].content->size_bytes()));
      place += bytes.size();
      if (bytes.empty()) continue;
      auto is_equal = [&](const Content& earlier) { return earlier.read_all() == as_text(bytes); };
      if (may_recur_[file] && find_equal(file, batch.fingerprints[i], is_equal)) continue;
      while (bytes.size() >= block_size_) {
        add_block(file, {batch.buffer, bytes.first(block_size_)});
        bytes = bytes.subspan(block_size_);
      }
      if (!bytes.empty()) add_end(file, bytes);
    }
  }

  void place_large(size_t file) {
    const Content& content = *files_[file].content;
    std::unique_ptr<ContentReader> reader = content.open();
    uint64_t left = content.size_bytes();
    for (bool first = true; left != 0; first = false) {
      Buffer buffer = batch_buffers_.take();
      size_t step = static_cast<size_t>(std::min<uint64_t>(left, batch_buffers_.size()));
      reader->read({buffer.get(), step});
      ByteView bytes(buffer.get(), step);
      auto is_equal = [&](const Content& earlier) { return earlier == content; };
      if (first && may_recur_[file] && find_equal(file, fingerprint(bytes), is_equal)) return;
      left -= step;
      while (bytes.size() >= block_size_) {
        add_block(file, {buffer, bytes.first(block_size_)});
        bytes = bytes.subspan(block_size_);
      }
      if (!bytes.empty()) add_end(file, bytes);
    }
    reader->finish();
  }

  /// Notes that `file` is equal to an earlier one, if it is; else keeps it for later ones.
  template <class IsEqual>
  bool find_equal(size_t file, size_t print, const IsEqual& is_equal) {
    uint64_t size = files_[file].content->size_bytes();
    std::vector<size_t>& candidates = by_print_[print];
    for (size_t earlier : candidates) {
      const Content& content = *files_[earlier].content;
      if (content.size_bytes() != size || !is_equal(content)) continue;
      same_as_.emplace_back(file, earlier);
      stage_.advance(size);
      return true;
    }
    candidates.push_back(file);
    return false;
  }

  void add_block(size_t file, OwnedBytes block) {
    PendingBlock pending{{}, block_size_, false, file};
    if (!all_zero(block.bytes)) pending.packed = pack(std::move(block));
    add(std::move(pending));
  }

  void add_end(size_t file, ByteView bytes) {
    uint32_t group = files_[file].group;
    OpenFragment& open = group == kSharedGroup ? shared_ : isolated_;
    if (open.buffer && (open.group != group || open.used + bytes.size() > block_size_)) {
      end_fragment(open);
    }
    if (!open.buffer) {
      open = {block_buffers_.take(), 0, group, result_.fragments.size()};
      result_.fragments.emplace_back();
    }
    std::copy(bytes.begin(), bytes.end(), open.buffer.get() + open.used);
    result_.files[file].fragment = static_cast<uint32_t>(open.index);
    result_.files[file].fragment_offset = open.used;
    open.used += static_cast<uint32_t>(bytes.size());
  }

  void end_fragment(OpenFragment& open) {
    if (!open.buffer) return;
    ByteView bytes(open.buffer.get(), open.used);
    add({pack({std::move(open.buffer), bytes}), open.used, true, open.index});
    open = {};
  }

  std::future<PackedBlock> pack(OwnedBytes block) {
    return workers_->submit([this, block](unsigned worker) {
      Buffer packed = block_buffers_.take();
      size_t size =
          compressors_[worker].compress(block.bytes, {packed.get(), block_buffers_.size()});
      if (size == 0) return PackedBlock{block, false};
      return PackedBlock{{packed, ByteView(packed.get(), size)}, true};
    });
  }

  void add(PendingBlock block) {
    pending_.push_back(std::move(block));
    while (pending_.size() > window_) write_oldest();
  }

  void write_oldest() {
    PendingBlock block = std::move(pending_.front());
    pending_.pop_front();
    PlacedFile* file = block.is_fragment ? nullptr : &result_.files[block.index];
    if (file && file->block_count == 0) {
      file->start = out_.position();
      file->first_size = result_.block_sizes.size();
    }
    uint32_t size = 0;
    uint64_t start = out_.position();
    if (block.packed.valid()) {
      PackedBlock packed = block.packed.get();
      size = static_cast<uint32_t>(packed.stored.bytes.size());
      if (!packed.compressed) size |= kBlockStored;
      bool& any = file ? result_.any_compressed_block : result_.any_compressed_fragment;
      any |= packed.compressed;
      out_.append(packed.stored.bytes);
    } else {
      file->sparse_bytes += block.size;
    }
    if (file) {
      ++file->block_count;
      result_.block_sizes.emplace_back(size);
    } else {
      result_.fragments[block.index] = {start, size, 0};
    }
    stage_.advance(block.size);
  }

  const std::vector<SourceFile>& files_;
  uint32_t block_size_;
  Output& out_;
  Stage& stage_;
  BufferPool batch_buffers_, block_buffers_;
  size_t read_ahead_ = 0, window_ = 0;   // batches, blocks
  std::vector<Compressor> compressors_;  // one a worker
  std::vector<bool> may_recur_;
  size_t next_to_read_ = 0;
  std::deque<std::future<Batch>> batches_;
  std::deque<PendingBlock> pending_;
  OpenFragment shared_, isolated_;
  std::unordered_map<size_t, std::vector<size_t>> by_print_;  // fingerprint: files, first ones
  std::vector<std::pair<size_t, size_t>> same_as_;            // file, the earlier one
  PlacedData result_;
  std::unique_ptr<Workers> workers_;  // last: its tasks use the rest
};

}  // namespace

PlacedData write_data(const std::vector<SourceFile>& files, const DataOptions& options, Output& out,
                      Reporter& reporter) {
  uint64_t total = 0;
  for (const SourceFile& file : files) total += file.content->size_bytes();
  Stage stage(reporter, "writing files", total);
  return DataWriter(files, options, out, stage).run();
}

}  // namespace imagefmt::squashfs
