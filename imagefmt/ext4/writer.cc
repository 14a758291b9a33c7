// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>

#include "imagefmt/base/parallel.h"
#include "imagefmt/base/xxh3.h"
#include "imagefmt/ext4/inode.h"
#include "imagefmt/ext4/plan.h"
#include "imagefmt/ext4/sizes.h"
#include "imagefmt/file_reading.h"

namespace imagefmt {

using namespace ext4;

namespace {

constexpr size_t kBatchBytes = kPieceBlocks * size_t{kBlockSize};
/// Written and perhaps not yet on the disk; a thread waits for what is older.
constexpr size_t kBatchesInFlight = 16;

/// What is smaller is copied: to share it costs more, and leaves the image in more pieces.
constexpr size_t kLeastCloned = 16 * size_t{kBlockSize};

/// What goes to disk in one write: some of a list's items.
struct Batch {
  uint64_t offset = 0;  // in the image
  size_t size = 0;      // bytes
  size_t first = 0, count = 0;
};

/// A part of a file's run.
struct Piece {
  uint32_t inode;  // index
  Run run;
  uint64_t checksum = 0;
};

/// Some of a batch's pieces when their bytes are in its buffer.
struct Filled {
  size_t piece_count = 0;
  size_t cloned_bytes = 0;  // of the first; they are in the image already
};

class ImageWriter {
 public:
  ImageWriter(const Plan& plan, const KnownFiles* known, unsigned jobs, File& out)
      : plan_(plan),
        known_(known),
        jobs_(jobs),
        out_(out),
        // Tried within the image, of which nothing is written yet: zeros become zeros.
        can_clone_(out.clone(kBlockSize, out, 0, kBlockSize)) {}

  void write_files(Stage& stage) {
    std::vector<Batch> batches;
    size_t next_run = plan_.first_file_run;
    for (uint32_t i = 0; i < plan_.inodes.size(); ++i) {
      const PlannedInode& inode = plan_.inodes[i];
      if (inode.first_run != next_run || !inode.node->regular()) continue;
      for (const Run& run : plan_.runs_of(inode)) {
        first_pieces_.push_back(low32(pieces_.size()));
        add_pieces(i, run, batches);
      }
      next_run += inode.run_count;
    }
    first_pieces_.push_back(low32(pieces_.size()));
    write_batches(batches, [&](const Batch& batch, std::span<uint8_t> into) {
      std::span<Piece> pieces = std::span(pieces_).subspan(batch.first, batch.count);
      size_t written = 0, done = 0;  // bytes of the batch
      while (!pieces.empty()) {
        const uint64_t offset = batch.offset + done;
        Filled filled = copy_known(pieces, offset, into.subspan(done));
        if (filled.piece_count == 0) filled = read_first(pieces, offset, into.subspan(done));
        if (filled.cloned_bytes != 0) {
          out_.write(batch.offset + written, into.subspan(written, done - written));
          written = done + filled.cloned_bytes;
        }
        for (const Piece& piece : pieces.first(filled.piece_count)) {
          done += piece.run.count * size_t{kBlockSize};
          stage.advance(bytes_in(piece));
        }
        pieces = pieces.subspan(filled.piece_count);
      }
      out_.write(batch.offset + written, into.subspan(written));
    });
  }

  uint64_t reused_bytes() const { return reused_bytes_; }

  /// What KnownFiles is parsed from. REQUIRES: write_files() has ended.
  Bytes serialize_pieces() const {
    std::vector<KnownFile> files;
    for (const PlannedInode& inode : plan_.inodes) {
      const Regular* file = inode.node->regular();
      if (!file || !file->content.id() || file->content.size_bytes() == 0) continue;
      uint32_t first = 0, count = 0;
      if (inode.run_count != 0) {
        const size_t run = inode.first_run - plan_.first_file_run;
        first = first_pieces_[run];
        count = first_pieces_[run + inode.run_count] - first;
      }
      files.push_back({*file->content.id(), file->content.size_bytes(), first, count});
    }
    sort_indexed(files);
    std::vector<KnownPiece> pieces;
    pieces.reserve(pieces_.size());
    for (const Piece& piece : pieces_) {
      pieces.push_back({piece.run.logical, piece.run.count, piece.run.physical, piece.checksum});
    }
    Bytes lists;
    append_list(lists, files);
    append_list(lists, pieces);
    return lists;
  }

  void write_directories() {
    std::vector<uint32_t> folders;
    std::vector<Batch> batches;
    for (uint32_t i = 0; i < plan_.inodes.size(); ++i) {
      const PlannedInode& inode = plan_.inodes[i];
      if (!inode.node->directory()) continue;
      const Run& run = plan_.runs_of(inode)[0];
      append(batches, run.physical, run.count, folders.size());
      folders.push_back(i);
    }
    write_batches(batches, [&](const Batch& batch, std::span<uint8_t> into) {
      std::fill(into.begin(), into.end(), uint8_t{0});
      std::span<uint8_t> left = into;
      for (size_t i = batch.first; i < batch.first + batch.count; ++i) {
        const PlannedInode& inode = plan_.inodes[folders[i]];
        const size_t size = plan_.runs_of(inode)[0].count * size_t{kBlockSize};
        const Directory& directory = *inode.node->directory();
        serialize_directory(directory, plan_directory(directory, plan_.seeds),
                            Plan::number_of(folders[i]), Plan::number_of(inode.parent),
                            Plan::number_of(inode.first_child), plan_.seeds, left.first(size));
        left = left.subspan(size);
      }
      out_.write(batch.offset, into);
    });
  }

  void write_symlinks_and_extents() {
    for (size_t i = 0; i < plan_.inodes.size(); ++i) {
      const PlannedInode& inode = plan_.inodes[i];
      if (const Symlink* link = inode.node->symlink(); link && inode.run_count != 0) {
        Bytes block(kBlockSize);
        std::copy(link->target.begin(), link->target.end(), block.begin());
        out_.write(plan_.runs_of(inode)[0].physical * kBlockSize, block);
      }
      write_extents(inode, Plan::number_of(i));
    }
  }

  void write_xattrs() {
    write_blocks(plan_.xattrs.first_block, plan_.xattrs.block_count,
                 [&](uint64_t number, std::span<uint8_t> into) {
                   plan_.attributes.serialize_block(
                       low32(number), plan_.xattrs.first_block + number, plan_.seeds, into);
                 });
  }

  void write_inodes() {
    const size_t inode_size = plan_.geometry.inode_size;
    const size_t step = kBatchBytes / inode_size;
    std::vector<Batch> batches;
    // Items are numbers less one, since the first inode has the number 1.
    for (size_t first = 0; first < plan_.geometry.used_inodes; first += step) {
      const size_t count = std::min<size_t>(step, plan_.geometry.used_inodes - first);
      batches.push_back({plan_.geometry.inode_tables * kBlockSize + first * inode_size,
                         count * inode_size, first, count});
    }
    write_batches(batches, [&](const Batch& batch, std::span<uint8_t> into) {
      std::fill(into.begin(), into.end(), uint8_t{0});
      for (size_t i = 0; i < batch.count; ++i) {
        const uint32_t number = low32(batch.first + i + 1);
        if (const PlannedInode* inode = plan_.find(number)) {
          serialize_inode(plan_, *inode, number, into.subspan(i * inode_size, inode_size));
        }
      }
      out_.write(batch.offset, into);
    });
  }

  void write_groups() {
    const Geometry& geometry = plan_.geometry;
    write_blocks(geometry.block_bitmaps, geometry.group_count,
                 [&](uint64_t group, std::span<uint8_t> into) {
                   serialize_block_bitmap(geometry, low32(group), into);
                 });
    write_blocks(geometry.inode_bitmaps, geometry.group_count,
                 [&](uint64_t group, std::span<uint8_t> into) {
                   serialize_inode_bitmap(geometry, low32(group), into);
                 });
    std::vector<uint32_t> folder_counts(geometry.group_count);
    for (size_t i = 0; i < plan_.inodes.size(); ++i) {
      if (!plan_.inodes[i].node->directory()) continue;
      ++folder_counts[(Plan::number_of(i) - 1) / geometry.inodes_per_group];
    }
    const Bytes descriptors = serialize_descriptors(geometry, folder_counts, plan_.seeds);
    out_.write(geometry.descriptors * kBlockSize, descriptors);
    for (const uint32_t group : geometry.backup_groups) {
      const uint64_t place = uint64_t{group} * geometry.blocks_per_group * kBlockSize;
      out_.write(place, bytes_of(superblock_in(group)));
      out_.write(place + kBlockSize, descriptors);
    }
  }

  /// Its log is empty; what lies behind the superblock is not looked at.
  void write_journal() {
    if (!plan_.journal.node) return;
    write_extents(plan_.journal, kJournalInode);
    const Run& run = plan_.runs_of(plan_.journal)[0];
    JournalSuperblock superblock{};
    superblock.magic = kJournalMagic;
    superblock.block_type = kJournalSuperblockV2;
    superblock.block_size = kBlockSize;
    superblock.block_count = low32(plan_.journal_bytes() / kBlockSize);
    superblock.first_block = superblock.sequence = superblock.user_count = 1;
    std::copy(plan_.identity.uuid.begin(), plan_.identity.uuid.end(), superblock.uuid);
    out_.write(run.physical * kBlockSize, bytes_of(superblock));
  }

  void write_superblock() { out_.write(kSuperblockOffset, bytes_of(superblock_in(0))); }

 private:
  /// What of a file's extents is not in its inode.
  void write_extents(const PlannedInode& inode, uint32_t number) {
    if (inode.tree_blocks == 0) return;
    Bytes root(sizeof(Inode::block)), blocks(inode.tree_blocks * size_t{kBlockSize});
    serialize_extents(plan_.runs_of(inode), inode.first_tree_block, plan_.seeds.of_inode(number),
                      root, blocks);
    out_.write(inode.first_tree_block * kBlockSize, blocks);
  }

  Superblock superblock_in(uint32_t group) const {
    Bytes journal(plan_.geometry.inode_size);
    if (plan_.journal.node) serialize_inode(plan_, plan_.journal, kJournalInode, journal);
    return make_superblock(plan_.geometry, plan_.identity, plan_.seeds,
                           plan_.journal.node ? &struct_at<Inode>(ByteView(journal), 0) : nullptr,
                           group);
  }

  /// Adds `item`, which has `block_count` blocks at `first_block`, behind the items before it.
  static void append(std::vector<Batch>& batches, uint64_t first_block, uint32_t block_count,
                     size_t item) {
    const size_t size = block_count * size_t{kBlockSize};
    const uint64_t offset = first_block * kBlockSize;
    if (batches.empty() || batches.back().size + size > kBatchBytes ||
        batches.back().offset + batches.back().size != offset) {
      batches.push_back({offset, 0, item, 0});
    }
    batches.back().size += size;
    ++batches.back().count;
  }

  void add_pieces(uint32_t inode, const Run& run, std::vector<Batch>& batches) {
    for (uint32_t done = 0; done < run.count;) {
      const uint32_t count = std::min(run.count - done, kPieceBlocks);
      append(batches, run.physical + done, count, pieces_.size());
      pieces_.push_back({inode, {run.logical + done, count, run.physical + done}});
      done += count;
    }
  }

  const Content& content_of(const Piece& piece) const {
    return plan_.inodes[piece.inode].node->regular()->content;
  }
  /// Of the file: zeros fill the last block.
  size_t bytes_in(const Piece& piece) const {
    const uint64_t offset = uint64_t{piece.run.logical} * kBlockSize;
    return static_cast<size_t>(std::min<uint64_t>(piece.run.count * uint64_t{kBlockSize},
                                                  content_of(piece).size_bytes() - offset));
  }
  const KnownPiece* find_known(const Piece& piece) const {
    const KnownFile* file = plan_.inodes[piece.inode].known;
    return file ? known_->find_piece(*file, piece.run.logical, piece.run.count) : nullptr;
  }

  /// Reads as many of the first pieces as lie one behind the other in the reference: for `offset` of
  /// the image, where they are shared if they can be.
  Filled copy_known(std::span<Piece> pieces, uint64_t offset, std::span<uint8_t> into) {
    uint64_t start = 0, size = 0;  // bytes
    size_t count = 0;
    for (; count < pieces.size(); ++count) {
      const KnownPiece* known = find_known(pieces[count]);
      if (!known || (count != 0 && known->physical * kBlockSize != start + size)) break;
      if (count == 0) start = known->physical * kBlockSize;
      size += known->count * uint64_t{kBlockSize};
      pieces[count].checksum = known->checksum;
    }
    if (count == 0) return {};
    known_->reference().read(start, into.first(size));
    size_t checked = 0;
    for (const Piece& piece : pieces.first(count)) {
      const size_t piece_size = piece.run.count * size_t{kBlockSize};
      Reference::check(start + checked, into.subspan(checked, piece_size), piece.checksum);
      checked += piece_size;
    }
    reused_bytes_ += size;
    const bool is_cloned =
        can_clone_ && size >= kLeastCloned && known_->reference().clone(start, out_, offset, size);
    return {count, is_cloned ? size : 0};
  }

  /// Reads the first piece from its file: for `offset` of the image, where its whole blocks are
  /// shared if they can be.
  Filled read_first(std::span<Piece> pieces, uint64_t offset, std::span<uint8_t> into) {
    Piece& piece = pieces.front();
    into = into.first(piece.run.count * size_t{kBlockSize});
    const size_t size = bytes_in(piece), whole = size - size % kBlockSize;
    const std::unique_ptr<ContentReader> reader = content_of(piece).open();
    reader->skip(uint64_t{piece.run.logical} * kBlockSize);
    const bool is_cloned =
        can_clone_ && whole >= kLeastCloned && reader->clone(out_, offset, whole);
    reader->read(into.first(size));
    reader->finish();
    std::ranges::fill(into.subspan(size), uint8_t{0});
    piece.checksum = xxh3(into);
    return {1, is_cloned ? whole : 0};
  }

  /// `write(batch, buffer)` makes a batch's bytes and writes them.
  template <class Write>
  void write_batches(const std::vector<Batch>& batches, const Write& write) {
    parallel_for(jobs_, batches.size(), [&](size_t i) {
      const size_t size = batches[i].size;  // above kBatchBytes: that of one large directory
      const BufferPool::Buffer buffer =
          size <= kBatchBytes ? buffers_.take() : BufferPool::Buffer(new uint8_t[size]);
      const std::span<uint8_t> into(buffer.get(), size);
      write(batches[i], into);
      // The disk writes while more is read, and what it has takes no memory, as with Output.
      out_.begin_sync(batches[i].offset, size);
      if (i < kBatchesInFlight) return;
      const Batch& older = batches[i - kBatchesInFlight];
      out_.drop_cached(older.offset, older.size);
    });
  }

  /// Writes blocks that are made one by one: `serialize(i, into)`, `into` zeroed.
  template <class Serialize>
  void write_blocks(uint64_t first_block, uint64_t block_count, const Serialize& serialize) {
    std::vector<Batch> batches;
    for (uint64_t i = 0; i < block_count; ++i) append(batches, first_block + i, 1, i);
    write_batches(batches, [&](const Batch& batch, std::span<uint8_t> into) {
      std::fill(into.begin(), into.end(), uint8_t{0});
      for (size_t i = 0; i < batch.count; ++i) {
        serialize(batch.first + i, into.subspan(i * kBlockSize, kBlockSize));
      }
      out_.write(batch.offset, into);
    });
  }

  const Plan& plan_;
  const KnownFiles* known_;  // null: no inode has one
  unsigned jobs_;
  File& out_;
  const bool can_clone_;
  std::vector<Piece> pieces_;
  std::vector<uint32_t> first_pieces_;  // of the runs of files; and an end
  std::atomic<uint64_t> reused_bytes_ = 0;
  BufferPool buffers_{kBatchBytes};
};

/// All that the stored bytes of a file depend on besides its own, and what equal places mean.
std::string settings_of(const Ext4Options& options) {
  return fmt::format("ext4{}, intaglio {}", options.share_data ? ", equal files shared" : "",
                     INTAGLIO_VERSION);
}

/// `known` may be null.
WrittenImage write_image(const FileTree& tree, const Ext4Options& options, const KnownFiles* known,
                         File& out, Reporter& reporter) {
  // Reads large files for what of them is zero, and what may be equal.
  const Plan plan = [&] {
    Stage stage(reporter, "planning the image");
    return make_plan(tree, options, known);
  }();
  // A reader must not take what stood in `out` for an image while this one is made. What is never
  // written reads as zeros.
  out.resize(0);
  out.resize(plan.geometry.size_bytes());
  ImageWriter writer(plan, known, options.jobs, out);
  WrittenImage written = written_image(plan);
  const uint64_t file_bytes = plan.files.block_count * kBlockSize - plan.journal_bytes();
  {
    Stage stage(reporter, "writing files", totals(tree).data_bytes);
    writer.write_files(stage);
    stage.count(Work::kRead, file_bytes - written.file_padding);
    stage.count(Work::kWritten, file_bytes);
  }
  Stage stage(reporter, "writing metadata");
  stage.count(Work::kWritten,
              written.size_bytes() - file_bytes - plan.journal_bytes() - written.free);
  writer.write_directories();
  writer.write_symlinks_and_extents();
  writer.write_xattrs();
  writer.write_inodes();
  writer.write_journal();
  writer.write_groups();
  // The last write makes it an image.
  writer.write_superblock();
  written.reused_bytes = writer.reused_bytes();
  written.index = serialize_index(out, settings_of(options), writer.serialize_pieces());
  return written;
}

}  // namespace

WrittenImage write_ext4(const FileTree& tree, const Ext4Options& options, File& out,
                        Reporter& reporter) {
  return write_with_reference<KnownFiles>(
      options.reference, settings_of(options), reporter,
      [&](const KnownFiles* known) { return write_image(tree, options, known, out, reporter); });
}

}  // namespace imagefmt
