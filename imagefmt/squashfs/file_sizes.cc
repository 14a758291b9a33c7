// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/file_sizes.h"

#include <cassert>

namespace imagefmt::squashfs {

namespace {

class FileSizes {
 public:
  FileSizes(const std::vector<SourceFile>& files, const PlacedData& data, uint32_t block_size)
      : files_(files), data_(data), block_size_(block_size), ends_(data.fragments.size()) {
    // A file that is not equal to an earlier one lies behind all that come before it.
    uint64_t next_block = 0;
    is_equal_.resize(files.size());
    for (size_t i = 0; i < files.size(); ++i) {
      const PlacedFile& file = data.files[i];
      const bool has_end = file.fragment != kNoFragment;
      is_equal_[i] = (file.block_count != 0 && file.first_size != next_block) ||
                     (has_end && file.fragment_offset != ends_[file.fragment]);
      if (is_equal_[i]) continue;
      next_block += file.block_count;
      if (has_end) ends_[file.fragment] += end_size(i);
    }
    assert(next_block == data.block_sizes.size());
  }

  bool is_equal(size_t file) const { return is_equal_[file]; }

  uint64_t stored_size(size_t number) const {
    const PlacedFile& file = data_.files[number];
    uint64_t size = 0;
    for (uint64_t i = 0; i < file.block_count; ++i) {
      size += data_.block_sizes[file.first_size + i] & kBlockSizeMask;
    }
    if (file.fragment == kNoFragment) return size;
    // Rounded so that the shares of one block add up to it.
    const uint64_t stored = data_.fragments[file.fragment].size & kBlockSizeMask;
    const uint64_t begin = file.fragment_offset, end = begin + end_size(number);
    return size + stored * end / ends_[file.fragment] - stored * begin / ends_[file.fragment];
  }

 private:
  uint64_t end_size(size_t file) const { return files_[file].content->size_bytes() % block_size_; }

  const std::vector<SourceFile>& files_;
  const PlacedData& data_;
  uint64_t block_size_;
  std::vector<uint64_t> ends_;  // by fragment, the bytes in it
  std::vector<bool> is_equal_;
};

}  // namespace

void count_files(const std::vector<SourceFile>& files, const PlacedData& data, uint32_t block_size,
                 WrittenImage& written) {
  const FileSizes sizes(files, data, block_size);
  written.file_bytes.resize(files.size());
  for (size_t i = 0; i < files.size(); ++i) {
    if (sizes.is_equal(i)) {
      ++written.equal_files;
      written.saved_bytes += sizes.stored_size(i);
    } else {
      written.file_bytes[i] = sizes.stored_size(i);
    }
  }
}

}  // namespace imagefmt::squashfs
