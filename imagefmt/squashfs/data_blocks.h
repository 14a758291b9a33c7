// SPDX-License-Identifier: Apache-2.0
//
// The data of all files: read in order and ahead, compressed on every core, written in order. What a
// reference holds is copied as it is stored there.
#pragma once

#include <vector>

#include "imagefmt/base/reporter.h"
#include "imagefmt/content.h"
#include "imagefmt/squashfs/known_data.h"
#include "imagefmt/squashfs/metadata_stream.h"

namespace imagefmt::squashfs {

struct SourceFile {
  const Content* content;
  /// Ends of files share a block within one group. A group's files follow each other, but for
  /// those of kSharedGroup, which may lie anywhere.
  uint32_t group;
};
constexpr uint32_t kSharedGroup = 0;

/// Where the bytes of a file lie. Equal files have equal places.
struct PlacedFile {
  uint64_t start = 0;        // position of its first block
  uint64_t first_size = 0;   // index in PlacedData::block_sizes
  uint64_t block_count = 0;  // blocks of its own: all but a shorter end
  uint64_t sparse_bytes = 0;
  uint32_t fragment = kNoFragment;  // index in PlacedData::fragments
  uint32_t fragment_offset = 0;
};

struct PlacedData {
  std::vector<PlacedFile> files;  // as the SourceFiles
  std::vector<le32> block_sizes;
  std::vector<le64> block_checksums;  // of the blocks as they are stored
  std::vector<FragmentEntry> fragments;
  std::vector<FragmentContent> fragment_contents;
  uint64_t packed_bytes = 0;  // all but zeros, equal files and what a reference had
  uint64_t reused_bytes = 0;  // as they are stored
};

struct DataOptions {
  Compression compression;
  int level;
  uint32_t block_size;
  unsigned jobs;
};

/// Appends the data of `files`. The bytes depend neither on `jobs` nor on `known`, which may be null.
/// Throws BadReference if what `known` says is not so.
PlacedData write_data(const std::vector<SourceFile>& files, const DataOptions& options,
                      const KnownData* known, Output& out, Reporter& reporter);

/// What KnownData is parsed from.
Bytes serialize_places(const std::vector<SourceFile>& files, const PlacedData& data);

}  // namespace imagefmt::squashfs
