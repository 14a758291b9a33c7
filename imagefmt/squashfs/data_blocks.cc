// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/data_blocks.h"

#include <algorithm>
#include <deque>
#include <future>

#include "imagefmt/base/parallel.h"
#include "imagefmt/base/zeros.h"
#include "imagefmt/file_reading.h"

namespace imagefmt::squashfs {

namespace {

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

std::vector<const Content*> contents_of(const std::vector<SourceFile>& files) {
  std::vector<const Content*> contents;
  contents.reserve(files.size());
  for (const SourceFile& file : files) contents.push_back(file.content);
  return contents;
}

class DataWriter : private FileSink {
 public:
  DataWriter(const std::vector<SourceFile>& files, const DataOptions& options, Output& out,
             Stage& stage)
      : files_(files),
        block_size_(options.block_size),
        out_(out),
        stage_(stage),
        reading_(contents_of(files), 1),
        block_buffers_(block_size_) {
    unsigned jobs = job_count(options.jobs);
    read_ahead_ = jobs + 1;
    window_ = std::clamp<size_t>(kWindowBytes / block_size_, 2 * jobs, 8 * jobs);
    for (unsigned i = 0; i < jobs; ++i) {
      compressors_.emplace_back(options.compression, options.level, block_size_);
    }
    result_.files.resize(files.size());
    workers_ = std::make_unique<Workers>(jobs);
  }

  PlacedData run() {
    reading_.run(*workers_, read_ahead_, *this);
    end_fragment(shared_);
    end_fragment(isolated_);
    while (!pending_.empty()) write_oldest();
    for (const auto& [file, earlier] : same_as_) result_.files[file] = result_.files[earlier];
    return std::move(result_);
  }

 private:
  static constexpr size_t kWindowBytes = 16 << 20;

  /// A block that collects the ends of files.
  struct OpenFragment {
    BufferPool::Buffer buffer;  // null: none is open
    uint32_t used = 0, group = kSharedGroup;
    size_t index = 0;
  };

  void add_part(size_t file, const OwnedBytes& part, bool) override {
    ByteView bytes = part.bytes;
    while (bytes.size() >= block_size_) {
      add_block(file, {part.owner, bytes.first(block_size_)});
      bytes = bytes.subspan(block_size_);
    }
    if (!bytes.empty()) add_end(file, bytes);
  }

  void add_equal(size_t file, size_t earlier, const OwnedBytes&) override {
    same_as_.emplace_back(file, earlier);
    stage_.advance(files_[file].content->size_bytes());
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
      BufferPool::Buffer packed = block_buffers_.take();
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
      result_.packed_bytes += block.size;
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
  FileReading reading_;
  BufferPool block_buffers_;
  size_t read_ahead_ = 0, window_ = 0;   // batches, blocks
  std::vector<Compressor> compressors_;  // one a worker
  std::deque<PendingBlock> pending_;
  OpenFragment shared_, isolated_;
  std::vector<std::pair<size_t, size_t>> same_as_;  // file, the earlier one
  PlacedData result_;
  std::unique_ptr<Workers> workers_;  // last: its tasks use the rest
};

}  // namespace

PlacedData write_data(const std::vector<SourceFile>& files, const DataOptions& options, Output& out,
                      Reporter& reporter) {
  uint64_t total = 0;
  for (const SourceFile& file : files) total += file.content->size_bytes();
  Stage stage(reporter, "writing files", total);
  const uint64_t start = out.position();
  PlacedData data = DataWriter(files, options, out, stage).run();
  stage.count(Work::kRead, total);
  if (options.compression != Compression::kNone) {
    stage.count(Work::kCompressed, data.packed_bytes);
  }
  stage.count(Work::kWritten, out.position() - start);
  return data;
}

}  // namespace imagefmt::squashfs
