// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/file_reading.h"

#include <algorithm>
#include <mutex>

#include "imagefmt/base/xxh3.h"

namespace imagefmt {

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

FileReading::FileReading(std::vector<const Content*> files, uint64_t least_shared_bytes,
                         std::vector<KnownPlace> places)
    : files_(std::move(files)),
      places_(std::move(places)),
      comparisons_(choose_comparisons(files_, places_, least_shared_bytes)) {}

uint64_t FileReading::read_bytes() const {
  uint64_t bytes = 0;
  for (size_t file = 0; file < files_.size(); ++file) bytes += is_read(file) ? size_of(file) : 0;
  return bytes;
}

void FileReading::run(Workers& workers, size_t read_ahead, FileSink& sink) {
  Batch batch;
  size_t passed_on = 0;  // of its files
  for (size_t file = 0; file < files_.size(); ++file) {
    if (!is_read(file)) {
      pass_unread(file, sink);
      continue;
    }
    keep_reading(workers, read_ahead);
    if (!is_small(file)) {
      read_large(file, sink);
      continue;
    }
    if (passed_on == batch.files.size()) {
      batch = batches_.front().get();
      batches_.pop_front();
      passed_on = 0;
    }
    pass_on(batch.files[passed_on++], batch.buffer, sink);
  }
}

/// Submits reads of small files, up to `read_ahead` batches.
void FileReading::keep_reading(Workers& workers, size_t read_ahead) {
  while (batches_.size() < read_ahead && next_to_read_ < files_.size()) {
    Batch batch;
    uint64_t bytes = 0;
    for (; next_to_read_ < files_.size() && batch.files.size() < kBatchFiles; ++next_to_read_) {
      // A large file is read by run()'s thread, when its turn comes.
      if (!is_read(next_to_read_) || !is_small(next_to_read_)) continue;
      if (bytes + size_of(next_to_read_) > kPartBytes) break;
      bytes += size_of(next_to_read_);
      batch.files.push_back({next_to_read_, {}, 0});
    }
    if (batch.files.empty()) break;
    batches_.push_back(workers.submit([this, batch](unsigned) mutable {
      read_batch(batch);
      return std::move(batch);
    }));
  }
}

void FileReading::read_batch(Batch& batch) {
  batch.buffer = buffers_.take();
  uint8_t* place = batch.buffer.get();
  for (Batch::File& file : batch.files) {
    const Content& content = *files_[file.index];
    const std::span<uint8_t> bytes(place, static_cast<size_t>(content.size_bytes()));
    if (bytes.empty()) continue;
    read_part(content, 0, bytes);
    if (is_compared(file.index)) file.fingerprint = xxh3(bytes);
    file.bytes = bytes;
    place += bytes.size();
  }
}

void FileReading::pass_on(const Batch::File& file, const BufferPool::Buffer& buffer,
                          FileSink& sink) {
  auto is_equal = [&](const Content& earlier) { return earlier.read_all() == as_text(file.bytes); };
  if (std::optional<size_t> earlier = find_equal(file.index, file.fingerprint, is_equal)) {
    sink.add_equal(file.index, *earlier, {buffer, file.bytes});
  } else {
    sink.add_part(file.index, {buffer, file.bytes}, true);
  }
}

void FileReading::pass_unread(size_t file, FileSink& sink) {
  if (comparisons_[file] == Comparison::kByPlaces) {
    const auto [first, is_new] =
        by_place_.try_emplace({files_[file]->is_uncompressed(), places_[file]}, file);
    if (!is_new) return sink.add_equal(file, first->second, {});
  }
  sink.add_known(file);
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
    if (first && is_compared(file)) {
      if (std::optional<size_t> earlier = find_equal(file, xxh3(bytes), is_equal)) {
        return sink.add_equal(file, *earlier, {});
      }
    }
    left -= bytes.size();
    // What comes after the last part is known to be whole.
    if (left == 0) reader->finish();
    sink.add_part(file, part, left == 0);
  }
}

/// The earlier file that `file` is equal to: the fingerprint finds it, its bytes decide. If there is
/// none, `file` is kept for later ones.
template <class IsEqual>
std::optional<size_t> FileReading::find_equal(size_t file, uint64_t fingerprint,
                                              const IsEqual& is_equal) {
  if (!is_compared(file)) return std::nullopt;
  std::vector<size_t>& candidates = by_fingerprint_[fingerprint];
  for (size_t earlier : candidates) {
    if (size_of(earlier) == size_of(file) &&
        files_[earlier]->is_uncompressed() == files_[file]->is_uncompressed() &&
        is_equal(*files_[earlier])) {
      return earlier;
    }
  }
  candidates.push_back(file);
  return std::nullopt;
}

}  // namespace imagefmt
