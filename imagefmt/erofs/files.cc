// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/files.h"

#include <algorithm>
#include <deque>
#include <future>

#include "imagefmt/base/parallel.h"
#include "imagefmt/base/xxh3.h"
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
  uint32_t start = 0;                // 0: none was written yet
  std::vector<Extent> extents;       // none: the bytes as they are
  size_t inline_bytes = 0;           // of the end, which is in no block
  std::vector<KnownPiece> pieces;    // of a file that is in blocks alone
  std::optional<KnownFile> indexed;  // the same

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
             const KnownFiles* known, Skeleton& skeleton, Output& out, WrittenImage& sizes,
             Stage& stage)
      : files_(list_files(tree)),
        xattrs_(xattrs),
        options_(options),
        known_(known),
        known_files_(find_known()),
        skeleton_(skeleton),
        out_(out),
        counted_(out.position()),
        sizes_(sizes),
        stage_(stage),
        // What is smaller stands behind its inode.
        reading_(contents_of(files_), kBlockSize, places_of(known_files_, known)),
        jobs_(job_count(options.jobs)) {
    if (options.algorithm) {
      for (unsigned i = 0; i < jobs_; ++i) {
        packers_.push_back(make_packer(*options.algorithm, options.level));
      }
    }
    sizes_.file_bytes.resize(files_.size());
    workers_ = std::make_unique<Workers>(jobs_);
  }

  /// The lists of an index.
  Bytes run() {
    reading_.run(*workers_, jobs_ + 1, *this);
    while (!pending_.empty()) write_oldest();
    end_inodes();
    stage_.count(Work::kRead, reading_.read_bytes() + sizes_.reused_bytes);
    return index_.serialize();
  }

 private:
  static constexpr size_t kWindowBytes = 16 << 20, kWindowParts = 1024;
  // No part takes more room than it has bytes, but for its last block.
  static_assert(kMaxPieceBytes >= FileReading::kPartBytes && kMaxPieceBytes % kBlockSize == 0);

  /// A part of a file on its way into the image, or all of an equal one.
  struct PendingPart {
    size_t file;
    OwnedBytes raw;
    bool is_last;
    std::optional<size_t> equal_to = std::nullopt;
    std::future<PackedPart> packed = {};  // none: it stays as it is
    const KnownPiece* known = nullptr;    // then `packed` is what the reference stores
  };

  std::vector<const KnownFile*> find_known() const {
    std::vector<const KnownFile*> found(files_.size());
    for (size_t i = 0; known_ && i < files_.size(); ++i) {
      found[i] = known_->find(files_[i].content(), before_packing(i));
    }
    return found;
  }

  void add_part(size_t file, const OwnedBytes& part, bool is_last) override {
    if (known_files_[file]) {
      // It was read to be compared.
      if (is_last) add_known(file);
      return;
    }
    PendingPart pending{file, part, is_last};
    // What one block holds as it is gains nothing, unless it is the end of more.
    if (options_.algorithm && !files_[file].content().is_uncompressed() &&
        (part.bytes.size() > kBlockSize || is_large(file))) {
      stage_.count(Work::kCompressed, part.bytes.size());
      pending.packed = workers_->submit([this, part](unsigned worker) {
        PackedPart packed = packers_[worker]->pack(part.bytes);
        packed.checksum = xxh3(packed.blocks);
        return packed;
      });
    }
    add(std::move(pending));
  }

  void add_equal(size_t file, size_t earlier, const OwnedBytes& bytes) override {
    add({file, bytes, true, earlier});
  }

  void add_known(size_t file) override {
    const KnownFile& known = *known_files_[file];
    const std::span<const KnownPiece> pieces = known_->pieces_of(known);
    uint64_t place = known.start * uint64_t{kBlockSize};
    for (const KnownPiece& piece : pieces) {
      const bool is_first = &piece == &pieces.front();
      PendingPart pending{file, {}, &piece == &pieces.back()};
      pending.known = &piece;
      pending.packed = workers_->submit([this, &known, &piece, place, is_first](unsigned) {
        PackedPart part;
        part.blocks.resize(piece.size);
        known_->reference().read(place, part.blocks);
        Reference::check(place, part.blocks, piece.checksum);
        part.checksum = piece.checksum;
        if (is_first) part.extents = known_->extents_of(known);
        return part;
      });
      place += piece.size;
      add(std::move(pending));
    }
  }

  static size_t memory_of(const PendingPart& part) {
    return part.known ? size_t{part.known->size} : part.raw.bytes.size();
  }

  void add(PendingPart part) {
    pending_bytes_ += memory_of(part);
    pending_.push_back(std::move(part));
    while (pending_bytes_ > kWindowBytes || pending_.size() > kWindowParts) write_oldest();
  }

  bool is_large(size_t file) const {
    return files_[file].content().size_bytes() > FileReading::kPartBytes;
  }

  void write_oldest() {
    PendingPart part = std::move(pending_.front());
    pending_.pop_front();
    pending_bytes_ -= memory_of(part);
    const Content& content = files_[part.file].content();
    if (part.equal_to) {
      write_equal(part);
      stage_.advance(content.size_bytes());
      return;
    }
    if (part.known) {
      sizes_.reused_bytes += part.known->size;
      append_packed(part.packed.get());
    } else if (is_large(part.file)) {
      write_part_of_large(part);
    } else {
      write_small(part);
    }
    stage_.advance(part.raw.bytes.size());
    if (!part.is_last) return;
    if (part.known) stage_.advance(content.size_bytes());
    write_inode(part.file, blocks_, part.raw.bytes);
    if (!blocks_.pieces.empty() && content.size_bytes() != 0) {
      blocks_.indexed = index_.add(content.size_bytes(), before_packing(part.file), blocks_.start,
                                   blocks_.extents, blocks_.pieces);
      index_.name(content, *blocks_.indexed);
    }
    if (reading_.may_recur(part.file)) written_[part.file] = std::move(blocks_);
    blocks_ = {};
  }

  void write_equal(const PendingPart& part) {
    const FileBlocks& earlier = written_.at(*part.equal_to);
    if (earlier.inline_bytes <= inline_bytes_of(part.file)) {
      write_inode(part.file, earlier, part.raw.bytes);
      if (earlier.indexed) index_.name(files_[part.file].content(), *earlier.indexed);
    } else {
      // Behind its xattrs the end has no room.
      write_inode(part.file, append_blocks(part.raw.bytes, 0), part.raw.bytes);
    }
  }

  void write_part_of_large(PendingPart& part) {
    if (part.packed.valid()) {
      append_packed(part.packed.get());
    } else {
      append_piece(part.raw.bytes, xxh3(part.raw.bytes));
    }
  }

  void append_packed(const PackedPart& packed) {
    blocks_.extents.insert(blocks_.extents.end(), packed.extents.begin(), packed.extents.end());
    append_piece(packed.blocks, packed.checksum);
  }

  /// Appends stored bytes of the file that is being written.
  void append_piece(ByteView stored, uint64_t checksum) {
    if (blocks_.start == 0) blocks_.start = next_block();
    blocks_.pieces.push_back({static_cast<uint32_t>(stored.size()), checksum});
    append_padded(stored);
  }

  /// A small file stays as it is unless packing it, with its index, makes it smaller.
  void write_small(PendingPart& part) {
    const ByteView bytes = part.raw.bytes;
    const size_t inline_bytes = inline_bytes_of(part.file);
    if (part.packed.valid()) {
      const PackedPart packed = part.packed.get();
      const uint64_t packed_size =
          packed.blocks.size() + index_size(bytes_before(part.file), bytes.size());
      if (packed_size < align_up(bytes.size() - inline_bytes, kBlockSize) + inline_bytes) {
        append_packed(packed);
        return;
      }
    }
    if (inline_bytes == 0) {
      append_piece(bytes, xxh3(bytes));
    } else {
      blocks_ = append_blocks(bytes, inline_bytes);
    }
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

  /// Of what decides how a file is stored: that of a large one does not depend on its inode.
  uint64_t before_packing(size_t file) const { return is_large(file) ? 0 : bytes_before(file); }

  /// Appends `bytes` as they are, but for their end.
  FileBlocks append_blocks(ByteView bytes, size_t inline_bytes) {
    const uint32_t start = next_block();
    append_padded(bytes.first(bytes.size() - inline_bytes));
    return {start, {}, inline_bytes, {}, {}};
  }

  void append_padded(ByteView bytes) {
    static constexpr std::array<uint8_t, kBlockSize> kZeros{};
    out_.append(bytes);
    out_.append(ByteView(kZeros).first(align_up(bytes.size(), kBlockSize) - bytes.size()));
  }

  const std::vector<SourceFile> files_;
  const XattrTable& xattrs_;
  const FileOptions& options_;
  const KnownFiles* known_;                    // may be null
  std::vector<const KnownFile*> known_files_;  // null: not in the reference, or stored otherwise
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
  IndexLists index_;
  InodeRun run_;
  std::unique_ptr<Workers> workers_;  // last: its tasks use the rest
};

}  // namespace

Bytes write_files(const FileTree& tree, const XattrTable& xattrs, const FileOptions& options,
                  const KnownFiles* known, Skeleton& skeleton, Output& out, WrittenImage& written,
                  Reporter& reporter) {
  const uint64_t start = out.position();
  Stage stage(reporter, "writing files", totals(tree).data_bytes);
  Bytes lists = FileWriter(tree, xattrs, options, known, skeleton, out, written, stage).run();
  stage.count(Work::kWritten, out.position() - start);
  return lists;
}

}  // namespace imagefmt::erofs
