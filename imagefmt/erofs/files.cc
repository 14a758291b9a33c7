// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/files.h"

#include <algorithm>
#include <deque>
#include <future>

#include "imagefmt/base/parallel.h"
#include "imagefmt/erofs/inode.h"
#include "imagefmt/erofs/packer.h"
#include "imagefmt/file_reading.h"

namespace imagefmt::erofs {

namespace {

struct SourceFile {
  const Node* node;
  uint64_t number;  // the node's (Folder)

  const Content& content() const { return node->regular()->content; }
};

std::vector<SourceFile> list_files(const FileTree& tree) {
  std::vector<SourceFile> files;
  for_each_folder(tree, [&](const Folder& folder) {
    for (size_t i = 0; i < folder.entries().size(); ++i) {
      const Node& node = folder.entries()[i].node;
      if (node.regular()) files.push_back({&node, folder.first_entry + i});
    }
  });
  return files;
}

std::vector<const Content*> contents_of(const std::vector<SourceFile>& files) {
  std::vector<const Content*> contents;
  contents.reserve(files.size());
  for (const SourceFile& file : files) contents.push_back(&file.content());
  return contents;
}

/// Where the blocks of a file lie. Equal files share them.
struct FileBlocks {
  uint32_t start = 0;           // 0: none was written yet
  std::vector<Extent> extents;  // none: the bytes as they are
  size_t inline_bytes = 0;      // of the end, which is in no block

  bool is_packed() const { return !extents.empty(); }
};

/// Inodes that wait for a place in the image, so that many of them stand together.
class InodeRun {
 public:
  /// `inode` is one with all that stands behind it.
  void add(uint64_t number, ByteView inode) {
    const uint64_t place = slots_.place(inode.size());
    const uint64_t size = slots_.block_count() * kBlockSize;
    unused_bytes_ += size - bytes_.size();
    bytes_.resize(size);
    std::copy(inode.begin(), inode.end(), bytes_.begin() + static_cast<ptrdiff_t>(place));
    places_.emplace_back(number, place);
    unused_bytes_ -= inode.size();
  }
  bool is_full() const { return bytes_.size() >= kRunBytes; }
  uint64_t unused_bytes() const { return unused_bytes_; }
  void append_to(Output& out, Skeleton& skeleton) {
    for (const auto& [number, place] : places_) {
      skeleton.set_nid(number, (out.position() + place) / kSlotSize);
    }
    out.append(bytes_);
    *this = {};
  }

 private:
  static constexpr size_t kRunBytes = 1 << 20;
  SlotAllocator slots_;
  Bytes bytes_;
  uint64_t unused_bytes_ = 0;
  std::vector<std::pair<uint64_t, uint64_t>> places_;
};

class FileWriter : private FileSink {
 public:
  FileWriter(const FileTree& tree, const XattrTable& xattrs, const FileOptions& options,
             Skeleton& skeleton, Output& out, WrittenImage& sizes, Stage& stage)
      : files_(list_files(tree)),
        xattrs_(xattrs),
        options_(options),
        skeleton_(skeleton),
        out_(out),
        counted_(out.position()),
        sizes_(sizes),
        stage_(stage),
        // What is smaller stands behind its inode.
        reading_(contents_of(files_), kBlockSize),
        jobs_(job_count(options.jobs)) {
    if (options.algorithm) {
      for (unsigned i = 0; i < jobs_; ++i) {
        packers_.push_back(make_packer(*options.algorithm, options.level));
      }
    }
    sizes_.file_bytes.resize(files_.size());
    workers_ = std::make_unique<Workers>(jobs_);
  }

  void run() {
    reading_.run(*workers_, jobs_ + 1, *this);
    while (!pending_.empty()) write_oldest();
    end_inodes();
  }

 private:
  static constexpr size_t kWindowBytes = 16 << 20, kWindowParts = 1024;

  /// A part of a file on its way into the image, or all of an equal one.
  struct PendingPart {
    size_t file;
    OwnedBytes raw;
    bool is_last;
    std::optional<size_t> equal_to;
    std::future<PackedPart> packed;  // none: it stays as it is
  };

  void add_part(size_t file, const OwnedBytes& part, bool is_last) override {
    PendingPart pending{file, part, is_last, std::nullopt, {}};
    // What one block holds as it is gains nothing, unless it is the end of more.
    if (options_.algorithm && (part.bytes.size() > kBlockSize || is_large(file))) {
      stage_.count(Work::kCompressed, part.bytes.size());
      pending.packed = workers_->submit(
          [this, part](unsigned worker) { return packers_[worker]->pack(part.bytes); });
    }
    add(std::move(pending));
  }

  void add_equal(size_t file, size_t earlier, const OwnedBytes& bytes) override {
    add({file, bytes, true, earlier, {}});
  }

  void add(PendingPart part) {
    pending_bytes_ += part.raw.bytes.size();
    pending_.push_back(std::move(part));
    while (pending_bytes_ > kWindowBytes || pending_.size() > kWindowParts) write_oldest();
  }

  bool is_large(size_t file) const {
    return files_[file].content().size_bytes() > FileReading::kPartBytes;
  }

  void write_oldest() {
    PendingPart part = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= part.raw.bytes.size();
    if (part.equal_to) {
      write_equal(part);
      stage_.advance(files_[part.file].content().size_bytes());
      return;
    }
    if (is_large(part.file)) {
      write_part_of_large(part);
    } else {
      write_small(part);
    }
    stage_.advance(part.raw.bytes.size());
    if (!part.is_last) return;
    write_inode(part.file, blocks_, part.raw.bytes);
    if (reading_.may_recur(part.file)) written_[part.file] = std::move(blocks_);
    blocks_ = {};
  }

  void write_equal(const PendingPart& part) {
    const FileBlocks& earlier = written_.at(*part.equal_to);
    if (earlier.inline_bytes <= inline_bytes_of(part.file)) {
      write_inode(part.file, earlier, part.raw.bytes);
    } else {
      // Behind its xattrs the end has no room.
      write_inode(part.file, append_blocks(part.raw.bytes, 0), part.raw.bytes);
    }
  }

  void write_part_of_large(PendingPart& part) {
    if (!part.packed.valid()) {
      const uint32_t start = append_blocks(part.raw.bytes, 0).start;
      if (blocks_.start == 0) blocks_.start = start;
      return;
    }
    if (blocks_.start == 0) blocks_.start = next_block();
    const PackedPart packed = part.packed.get();
    blocks_.extents.insert(blocks_.extents.end(), packed.extents.begin(), packed.extents.end());
    out_.append(packed.blocks);
  }

  /// A small file stays as it is unless packing it, with its index, makes it smaller.
  void write_small(PendingPart& part) {
    const ByteView bytes = part.raw.bytes;
    const size_t inline_bytes = inline_bytes_of(part.file);
    if (part.packed.valid()) {
      PackedPart packed = part.packed.get();
      const uint64_t packed_size =
          packed.blocks.size() + index_size(bytes_before(part.file), bytes.size());
      if (packed_size < align_up(bytes.size() - inline_bytes, kBlockSize) + inline_bytes) {
        blocks_ = {next_block(), std::move(packed.extents), 0};
        out_.append(packed.blocks);
        return;
      }
    }
    blocks_ = append_blocks(bytes, inline_bytes);
  }

  /// `bytes` are the file's, if it is small.
  void write_inode(size_t file, const FileBlocks& blocks, ByteView bytes) {
    const Node& node = *files_[file].node;
    const Bytes xattrs = xattrs_.serialize(node);
    InodeFields fields{.number = files_[file].number, .size = files_[file].content().size_bytes()};
    if (blocks.is_packed()) {
      fields.layout = kCompactIndex;
      fields.start = block_count(blocks.extents);
    } else {
      if (blocks.inline_bytes != 0) fields.layout = kFlatInline;
      if (fields.size > blocks.inline_bytes) fields.start = blocks.start;
    }
    Bytes inode = serialize_inode(node, fields, xattrs, options_.build_time);
    const size_t before = inode.size();
    if (blocks.is_packed()) {
      append_index(inode, before, fields.size, blocks.extents, blocks.start, *options_.algorithm);
    } else {
      append(inode, bytes.last(blocks.inline_bytes));
    }
    sizes_.inodes += before - xattrs.size();
    sizes_.xattrs += xattrs.size();
    (blocks.is_packed() ? sizes_.indexes : sizes_.file_bytes[file]) += inode.size() - before;
    count_blocks(file, blocks);
    run_.add(fields.number, inode);
    if (run_.is_full()) end_inodes();
  }

  void end_inodes() {
    sizes_.padding += run_.unused_bytes();
    run_.append_to(out_, skeleton_);
    counted_ = out_.position();
  }

  /// REQUIRES: what was appended since the last inode are blocks of this file.
  void count_blocks(size_t file, const FileBlocks& blocks) {
    const uint64_t size = files_[file].content().size_bytes() - blocks.inline_bytes;
    const uint64_t all = blocks.is_packed() ? block_count(blocks.extents) * uint64_t{kBlockSize}
                                            : align_up(size, kBlockSize);
    const uint64_t appended = out_.position() - std::exchange(counted_, out_.position());
    sizes_.file_bytes[file] += appended;
    if (appended != all) {
      ++sizes_.equal_files;
      sizes_.saved_bytes += all;
    } else if (!blocks.is_packed()) {
      sizes_.file_padding += all - size;
    }
  }

  /// What stands before the data or the index behind the inode.
  uint64_t bytes_before(size_t file) const {
    const Node& node = *files_[file].node;
    const InodeFields fields{.number = 0, .size = files_[file].content().size_bytes()};
    return header_size(node, fields, options_.build_time) + xattrs_.serialize(node).size();
  }

  /// The position is checked where the image ends (write_erofs).
  uint32_t next_block() const { return static_cast<uint32_t>(out_.position() / kBlockSize); }

  /// How much of the end of a file stands behind its inode. A large one's is in its last part, and
  /// saves little.
  size_t inline_bytes_of(size_t file) const {
    const uint64_t size = files_[file].content().size_bytes();
    return !is_large(file) && fits_inline(bytes_before(file), size) ? size % kBlockSize : 0;
  }

  /// Appends `bytes` as they are, but for their end.
  FileBlocks append_blocks(ByteView bytes, size_t inline_bytes) {
    static constexpr std::array<uint8_t, kBlockSize> kZeros{};
    const uint32_t start = next_block();
    bytes = bytes.first(bytes.size() - inline_bytes);
    out_.append(bytes);
    out_.append(ByteView(kZeros).first(align_up(bytes.size(), kBlockSize) - bytes.size()));
    return {start, {}, inline_bytes};
  }

  const std::vector<SourceFile> files_;
  const XattrTable& xattrs_;
  const FileOptions& options_;
  Skeleton& skeleton_;
  Output& out_;
  uint64_t counted_;  // position up to which sizes_ has everything
  WrittenImage& sizes_;
  Stage& stage_;
  FileReading reading_;
  unsigned jobs_;
  std::vector<std::unique_ptr<Packer>> packers_;  // one a worker
  std::deque<PendingPart> pending_;
  size_t pending_bytes_ = 0;
  FileBlocks blocks_;                               // of the file that is being written
  std::unordered_map<size_t, FileBlocks> written_;  // of those that others may be equal to
  InodeRun run_;
  std::unique_ptr<Workers> workers_;  // last: its tasks use the rest
};

}  // namespace

void write_files(const FileTree& tree, const XattrTable& xattrs, const FileOptions& options,
                 Skeleton& skeleton, Output& out, WrittenImage& written, Reporter& reporter) {
  const uint64_t total = totals(tree).data_bytes, start = out.position();
  Stage stage(reporter, "writing files", total);
  FileWriter(tree, xattrs, options, skeleton, out, written, stage).run();
  stage.count(Work::kRead, total);
  stage.count(Work::kWritten, out.position() - start);
}

}  // namespace imagefmt::erofs
