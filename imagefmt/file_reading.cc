// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/file_reading.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <optional>

namespace imagefmt {

namespace {

/// Finds files that may be equal; that they are is decided by their bytes.
size_t fingerprint_of(ByteView bytes) {
  return std::hash<std::string_view>()(as_text(bytes));
}

}  // namespace

struct BufferPool::Shared {
  size_t size;
  std::mutex mutex;
  std::vector<std::unique_ptr<uint8_t[]>> free;  // with room for all: to give back never fails
  size_t made = 0;
};

BufferPool::BufferPool(size_t size) : shared_(std::make_shared<Shared>()) {
  shared_->size = size;
}

size_t BufferPool::size() const {
  return shared_->size;
}

BufferPool::Buffer BufferPool::take() {
  std::unique_ptr<uint8_t[]> memory;
  {
    std::lock_guard lock(shared_->mutex);
    if (!shared_->free.empty()) {
      memory = std::move(shared_->free.back());
      shared_->free.pop_back();
    } else {
      shared_->free.reserve(++shared_->made);
    }
  }
  if (!memory) memory.reset(new uint8_t[shared_->size]);
  return {memory.release(), [shared = shared_](uint8_t* returned) {
            std::lock_guard lock(shared->mutex);
            shared->free.emplace_back(returned);
          }};
}

FileReading::FileReading(std::vector<const Content*> files, uint64_t least_shared_bytes)
    : files_(std::move(files)), may_recur_(files_.size()) {
  // Only files whose size another one has can be equal to one.
  std::vector<size_t> order(files_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return size_of(a) < size_of(b); });
  for (size_t i = 1; i < order.size(); ++i) {
    const uint64_t size = size_of(order[i]);
    if (size_of(order[i - 1]) != size || size < std::max<uint64_t>(least_shared_bytes, 1)) continue;
    may_recur_[order[i - 1]] = may_recur_[order[i]] = true;
  }
}

void FileReading::run(Workers& workers, size_t read_ahead, FileSink& sink) {
  for (size_t file = 0; file < files_.size();) {
    keep_reading(workers, read_ahead, file);
    if (is_small(file)) {
      Batch batch = batches_.front().get();
      batches_.pop_front();
      pass_on(batch, sink);
      file += batch.count;
    } else {
      read_large(file, sink);
      ++file;
    }
  }
}

/// Submits reads of batches at and behind `file`, up to the next large file.
void FileReading::keep_reading(Workers& workers, size_t read_ahead, size_t file) {
  next_to_read_ = std::max(next_to_read_, file);
  while (batches_.size() < read_ahead && next_to_read_ < files_.size()) {
    // A large file is read by run()'s thread, when its turn comes.
    if (!is_small(next_to_read_)) {
      ++next_to_read_;
      continue;
    }
    Batch batch;
    batch.first = next_to_read_;
    uint64_t bytes = 0;
    while (next_to_read_ < files_.size() && batch.count < kBatchFiles &&
           bytes + size_of(next_to_read_) <= kPartBytes) {
      bytes += size_of(next_to_read_);
      ++batch.count;
      ++next_to_read_;
    }
    batches_.push_back(workers.submit([this, batch](unsigned) mutable {
      read_batch(batch);
      return std::move(batch);
    }));
  }
}

void FileReading::read_batch(Batch& batch) {
  batch.buffer = buffers_.take();
  batch.fingerprints.resize(batch.count);
  uint8_t* place = batch.buffer.get();
  for (size_t i = 0; i < batch.count; ++i) {
    const Content& content = *files_[batch.first + i];
    std::span<uint8_t> bytes(place, static_cast<size_t>(content.size_bytes()));
    if (bytes.empty()) continue;
    std::unique_ptr<ContentReader> reader = content.open();
    reader->read(bytes);
    reader->finish();
    if (may_recur_[batch.first + i]) batch.fingerprints[i] = fingerprint_of(bytes);
    place += bytes.size();
  }
}

void FileReading::pass_on(const Batch& batch, FileSink& sink) {
  const uint8_t* place = batch.buffer.get();
  for (size_t i = 0; i < batch.count; ++i) {
    const size_t file = batch.first + i;
    const OwnedBytes part{batch.buffer, ByteView(place, static_cast<size_t>(size_of(file)))};
    place += part.bytes.size();
    auto is_equal = [&](const Content& earlier) {
      return earlier.read_all() == as_text(part.bytes);
    };
    if (std::optional<size_t> earlier = find_equal(file, batch.fingerprints[i], is_equal)) {
      sink.add_equal(file, *earlier, part);
    } else {
      sink.add_part(file, part, true);
    }
  }
}

void FileReading::read_large(size_t file, FileSink& sink) {
  const Content& content = *files_[file];
  std::unique_ptr<ContentReader> reader = content.open();
  uint64_t left = content.size_bytes();
  for (bool first = true; left != 0; first = false) {
    OwnedBytes part{buffers_.take(), {}};
    std::span<uint8_t> bytes(part.owner.get(),
                             static_cast<size_t>(std::min<uint64_t>(left, kPartBytes)));
    reader->read(bytes);
    part.bytes = bytes;
    auto is_equal = [&](const Content& earlier) { return earlier == content; };
    if (first && may_recur_[file]) {
      if (std::optional<size_t> earlier = find_equal(file, fingerprint_of(bytes), is_equal)) {
        return sink.add_equal(file, *earlier, {});
      }
    }
    left -= bytes.size();
    // What comes after the last part is known to be whole.
    if (left == 0) reader->finish();
    sink.add_part(file, part, left == 0);
  }
}

/// The earlier file that `file` is equal to. If there is none, `file` is kept for later ones.
template <class IsEqual>
std::optional<size_t> FileReading::find_equal(size_t file, size_t fingerprint,
                                              const IsEqual& is_equal) {
  if (!may_recur_[file]) return std::nullopt;
  std::vector<size_t>& candidates = by_fingerprint_[fingerprint];
  for (size_t earlier : candidates) {
    if (size_of(earlier) == size_of(file) && is_equal(*files_[earlier])) return earlier;
  }
  candidates.push_back(file);
  return std::nullopt;
}

}  // namespace imagefmt
