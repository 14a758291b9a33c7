// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/data_blocks.h"

#include <algorithm>
#include <deque>
#include <future>

#include "imagefmt/base/parallel.h"
#include "imagefmt/base/xxh3.h"
#include "imagefmt/base/zeros.h"
#include "imagefmt/file_reading.h"

namespace imagefmt::squashfs {

namespace {

/// A block as it is stored.
struct StoredBlock {
  uint32_t size = 0;  // as the lists of sizes have it: with kBlockStored; 0: zeros
  uint64_t checksum = 0;

  uint32_t size_bytes() const { return size & kBlockSizeMask; }
};

/// Stored blocks, one behind the other.
struct StoredBlocks {
  OwnedBytes bytes;
  std::vector<StoredBlock> blocks;
};

/// What a block is in the image.
struct Target {
  uint32_t size;  // bytes of files in it
  bool is_fragment;
  size_t index;  // of the file or the fragment
};

/// Blocks on their way into the image.
struct PendingBlocks {
  std::future<StoredBlocks> stored;  // none: a block of zeros
  std::vector<Target> targets;       // of each
};

std::vector<const Content*> contents_of(const std::vector<SourceFile>& files) {
  std::vector<const Content*> contents;
  contents.reserve(files.size());
  for (const SourceFile& file : files) contents.push_back(file.content);
  return contents;
}

std::vector<const KnownFile*> find_known(const std::vector<SourceFile>& files,
                                         const KnownData* known) {
  std::vector<const KnownFile*> found(files.size());
  if (known) {
    for (size_t i = 0; i < files.size(); ++i) found[i] = known->find(*files[i].content);
  }
  return found;
}

class DataWriter : private FileSink {
 public:
  DataWriter(const std::vector<SourceFile>& files, const DataOptions& options,
             const KnownData* known, Output& out, Stage& stage)
      : files_(files),
        block_size_(options.block_size),
        known_(known),
        known_files_(find_known(files, known)),
        out_(out),
        stage_(stage),
        reading_(contents_of(files), 1, places_of(known_files_, known)),
        block_buffers_(block_size_) {
    unsigned jobs = job_count(options.jobs);
    read_ahead_ = jobs + 1;
    window_ = std::max<size_t>(kWindowBytes / block_size_, 2 * jobs);
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
    end_fragment(uncompressed_);
    end_copy();
    while (!pending_.empty()) write_oldest();
    stage_.count(Work::kRead, reading_.read_bytes() + result_.reused_bytes);
    for (const auto& [file, earlier] : same_as_) result_.files[file] = result_.files[earlier];
    return std::move(result_);
  }

 private:
  static constexpr size_t kWindowBytes = 16 << 20;
  static constexpr size_t kCopyBytes = 1 << 20, kCopyBlocks = 4096;
  static_assert(kCopyBytes >= kMaxBlockSize);

  /// The end of a file that was not read: its bytes are still missing.
  struct Gap {
    size_t file;
    std::span<uint8_t> bytes;
  };

  /// A block that collects the ends of files.
  struct OpenFragment {
    BufferPool::Buffer buffer;  // null: none is open
    uint32_t used = 0, group = kSharedGroup;
    size_t index = 0;
    std::vector<Gap> gaps = {};
    uint32_t repeated = kNoFragment;  // the fragment of the reference that begins like this one
  };

  /// Blocks of the reference that lie there one behind the other, as they will here.
  struct Copy {
    uint64_t start = 0, size = 0;  // in the reference, bytes
    std::vector<StoredBlock> blocks = {};
    std::vector<Target> targets = {};
  };

  void add_part(size_t file, const OwnedBytes& part, bool is_last) override {
    ByteView bytes = part.bytes;
    if (known_files_[file]) {
      // It was read to be compared.
      if (is_last) add_known(file, bytes.last(bytes.size() % block_size_));
      return;
    }
    while (bytes.size() >= block_size_) {
      add_block(file, {part.owner, bytes.first(block_size_)});
      bytes = bytes.subspan(block_size_);
    }
    if (bytes.empty()) return;
    const std::span<uint8_t> end = add_end(file, static_cast<uint32_t>(bytes.size()));
    std::copy(bytes.begin(), bytes.end(), end.begin());
  }

  void add_equal(size_t file, size_t earlier, const OwnedBytes&) override {
    same_as_.emplace_back(file, earlier);
    stage_.advance(files_[file].content->size_bytes());
  }

  void add_known(size_t file) override { add_known(file, {}); }

  /// `end` is what shares a block with the ends of others, if it was read.
  void add_known(size_t file, ByteView end) {
    const KnownFile& known = *known_files_[file];
    const std::span<const le32> sizes = known_->block_sizes(known);
    const std::span<const le64> checksums = known_->block_checksums(known);
    uint64_t place = known.start;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const StoredBlock block{sizes[i], checksums[i]};
      copy(place, block, {block_size_, false, file});
      place += block.size_bytes();
    }
    const uint32_t end_size = static_cast<uint32_t>(known.size % block_size_);
    if (end_size == 0) return;
    const std::span<uint8_t> bytes = add_end(file, end_size);
    if (end.empty()) {
      fragment_of(file).gaps.push_back({file, bytes});
    } else {
      std::copy(end.begin(), end.end(), bytes.begin());
    }
  }

  void add_block(size_t file, OwnedBytes block) {
    PendingBlocks pending{{}, {{block_size_, false, file}}};
    if (!all_zero(block.bytes)) {
      const bool compressed = is_compressed(file);
      if (compressed) result_.packed_bytes += block.bytes.size();
      pending.stored = workers_->submit([this, block, compressed](unsigned worker) {
        return compressed ? compress(block, compressors_[worker]) : store(block, kBlockStored);
      });
    }
    add(std::move(pending));
  }

  bool is_compressed(size_t file) const { return !files_[file].content->is_uncompressed(); }

  OpenFragment& fragment_of(size_t file) {
    if (!is_compressed(file)) return uncompressed_;
    return files_[file].group == kSharedGroup ? shared_ : isolated_;
  }

  /// Makes room for the end of a file: where its bytes belong.
  std::span<uint8_t> add_end(size_t file, uint32_t size) {
    const uint32_t group = files_[file].group;
    OpenFragment& open = fragment_of(file);
    if (open.buffer && (open.group != group || open.used + size > block_size_)) end_fragment(open);
    const KnownFile* known = known_files_[file];
    if (!open.buffer) {
      open = {block_buffers_.take(), 0, group, result_.fragments.size()};
      if (known) open.repeated = known->fragment;
      result_.fragments.emplace_back();
      result_.fragment_contents.emplace_back();
    }
    if (!known || known->fragment != open.repeated || known->fragment_offset != open.used) {
      open.repeated = kNoFragment;
    }
    const std::span<uint8_t> bytes(open.buffer.get() + open.used, size);
    result_.files[file].fragment = static_cast<uint32_t>(open.index);
    result_.files[file].fragment_offset = open.used;
    open.used += size;
    return bytes;
  }

  void end_fragment(OpenFragment& open) {
    if (!open.buffer) return;
    const Target target{open.used, true, open.index};
    const uint32_t repeated = open.repeated;
    if (repeated != kNoFragment && known_->fragment_content(repeated).size == open.used) {
      copy(known_->fragment(repeated).start,
           {known_->fragment(repeated).size, known_->fragment_content(repeated).checksum}, target);
    } else {
      const bool compressed = &open != &uncompressed_;
      if (compressed) result_.packed_bytes += open.used;
      add({workers_->submit([this, open, compressed](unsigned worker) {
             for (const Gap& gap : open.gaps) {
               const Content& content = *files_[gap.file].content;
               read_part(content, content.size_bytes() - gap.bytes.size(), gap.bytes);
             }
             const OwnedBytes block{open.buffer, {open.buffer.get(), open.used}};
             return compressed ? compress(block, compressors_[worker]) : store(block, kBlockStored);
           }),
           {target}});
    }
    open = {};
  }

  StoredBlocks compress(const OwnedBytes& block, Compressor& compressor) {
    BufferPool::Buffer packed = block_buffers_.take();
    const size_t size = compressor.compress(block.bytes, {packed.get(), block_buffers_.size()});
    return size == 0 ? store(block, kBlockStored) : store({packed, {packed.get(), size}}, 0);
  }

  /// `flag`: 0, or kBlockStored for bytes as they are.
  static StoredBlocks store(OwnedBytes bytes, uint32_t flag) {
    const StoredBlock block{static_cast<uint32_t>(bytes.bytes.size()) | flag, xxh3(bytes.bytes)};
    return {std::move(bytes), {block}};
  }

  /// Adds a block that the reference has at `place`.
  void copy(uint64_t place, const StoredBlock& block, const Target& target) {
    if (copy_.start + copy_.size != place || copy_.size + block.size_bytes() > kCopyBytes ||
        copy_.blocks.size() == kCopyBlocks) {
      end_copy();
      copy_.start = place;
    }
    copy_.size += block.size_bytes();
    copy_.blocks.push_back(block);
    copy_.targets.push_back(target);
  }

  void end_copy() {
    Copy copy = std::exchange(copy_, {});
    if (copy.blocks.empty()) return;
    result_.reused_bytes += copy.size;
    PendingBlocks pending{{}, std::move(copy.targets)};
    pending.stored = workers_->submit([this, copy = std::move(copy)](unsigned) {
      const BufferPool::Buffer buffer = copy_buffers_.take();
      const std::span<uint8_t> bytes(buffer.get(), copy.size);
      known_->reference().read(copy.start, bytes);
      uint64_t done = 0;
      for (const StoredBlock& block : copy.blocks) {
        if (block.size == 0) continue;
        Reference::check(copy.start + done, bytes.subspan(done, block.size_bytes()),
                         block.checksum);
        done += block.size_bytes();
      }
      return StoredBlocks{{buffer, bytes}, copy.blocks};
    });
    push(std::move(pending));
  }

  void add(PendingBlocks blocks) {
    end_copy();
    push(std::move(blocks));
  }

  void push(PendingBlocks blocks) {
    pending_.push_back(std::move(blocks));
    while (pending_.size() > window_) write_oldest();
  }

  void write_oldest() {
    PendingBlocks pending = std::move(pending_.front());
    pending_.pop_front();
    const StoredBlocks stored = pending.stored.valid()
                                    ? pending.stored.get()
                                    : StoredBlocks{{}, std::vector<StoredBlock>(1)};
    uint64_t place = out_.position();
    out_.append(stored.bytes.bytes);
    for (size_t i = 0; i < stored.blocks.size(); ++i) {
      set_place(pending.targets[i], stored.blocks[i], place);
      place += stored.blocks[i].size_bytes();
    }
  }

  void set_place(const Target& target, const StoredBlock& block, uint64_t place) {
    stage_.advance(target.size);
    if (target.is_fragment) {
      result_.fragments[target.index] = {place, block.size, 0};
      result_.fragment_contents[target.index] = {target.size, block.checksum};
      return;
    }
    PlacedFile& file = result_.files[target.index];
    if (file.block_count == 0) {
      file.start = place;
      file.first_size = result_.block_sizes.size();
    }
    ++file.block_count;
    if (block.size == 0) file.sparse_bytes += target.size;
    result_.block_sizes.emplace_back(block.size);
    result_.block_checksums.emplace_back(block.checksum);
  }

  const std::vector<SourceFile>& files_;
  uint32_t block_size_;
  const KnownData* known_;                     // may be null
  std::vector<const KnownFile*> known_files_;  // null: not in the reference
  Output& out_;
  Stage& stage_;
  FileReading reading_;
  BufferPool block_buffers_, copy_buffers_{kCopyBytes};
  size_t read_ahead_ = 0, window_ = 0;   // batches, blocks
  std::vector<Compressor> compressors_;  // one a worker
  std::deque<PendingBlocks> pending_;
  Copy copy_;  // behind them
  OpenFragment shared_, isolated_, uncompressed_;
  std::vector<std::pair<size_t, size_t>> same_as_;  // file, the earlier one
  PlacedData result_;
  std::unique_ptr<Workers> workers_;  // last: its tasks use the rest
};

}  // namespace

PlacedData write_data(const std::vector<SourceFile>& files, const DataOptions& options,
                      const KnownData* known, Output& out, Reporter& reporter) {
  uint64_t total = 0;
  for (const SourceFile& file : files) total += file.content->size_bytes();
  Stage stage(reporter, "writing files", total);
  const uint64_t start = out.position();
  PlacedData data = DataWriter(files, options, known, out, stage).run();
  if (options.compression != Compression::kNone) {
    stage.count(Work::kCompressed, data.packed_bytes);
  }
  stage.count(Work::kWritten, out.position() - start);
  return data;
}

Bytes serialize_places(const std::vector<SourceFile>& files, const PlacedData& data) {
  std::vector<KnownFile> known;
  known.reserve(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    const Content& content = *files[i].content;
    if (!content.id() || content.size_bytes() == 0) continue;
    const PlacedFile& file = data.files[i];
    known.push_back({*content.id(), content.size_bytes(), file.start, file.first_size,
                     file.fragment, file.fragment_offset});
  }
  sort_indexed(known);
  Bytes lists;
  append_list(lists, known);
  append_list(lists, data.block_sizes);
  append_list(lists, data.block_checksums);
  append_list(lists, data.fragments);
  append_list(lists, data.fragment_contents);
  return lists;
}

}  // namespace imagefmt::squashfs
