// SPDX-License-Identifier: Apache-2.0
//
// The data of all files: read in order and ahead, compressed on every core, written in order.
#pragma once

#include <vector>

#include "imagefmt/base/reporter.h"
#include "imagefmt/content.h"
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
  std::vector<FragmentEntry> fragments;
  bool any_compressed_block = false, any_compressed_fragment = false;
  uint64_t packed_bytes = 0;  // all but zeros and equal files
};

struct DataOptions {
  Compression compression;
  int level;
  uint32_t block_size;
  unsigned jobs;
};

/// Appends the data of `files`. The bytes do not depend on `jobs`.
PlacedData write_data(const std::vector<SourceFile>& files, const DataOptions& options, Output& out,
                      Reporter& reporter);

}  // namespace imagefmt::squashfs
