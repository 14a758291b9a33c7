// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/known_data.h"

namespace imagefmt::squashfs {

namespace {

constexpr KnownPlace kHasBlocks = KnownPlace{1} << 63;

}  // namespace

KnownData::KnownData(const Reference& reference, uint32_t block_size)
    : reference_(reference), block_size_(block_size) {
  blaming_reference([&] {
    Cursor lists(reference.lists(), "the index");
    files_ = take_list<KnownFile>(lists);
    block_sizes_ = take_list<le32>(lists);
    block_checksums_ = take_list<le64>(lists);
    fragments_ = take_list<FragmentEntry>(lists);
    fragment_contents_ = take_list<FragmentContent>(lists);
    require_of_index(lists.remaining() == 0, "more than its lists");
    require_of_index(block_checksums_.size() == block_sizes_.size() &&
                         fragment_contents_.size() == fragments_.size(),
                     "lists that do not belong together");
    for (const uint32_t size : block_sizes_) check_stored(size);
    for (const FragmentEntry& fragment : fragments_) {
      check_stored(fragment.size);
      require_of_index((fragment.size & kBlockSizeMask) != 0, "an empty block");
      require_of_index(fragment.start <= reference_.size_bytes(),
                       "a block behind the end of the image");
    }
    check_sorted(files_);
    for (const KnownFile& file : files_) check(file);
  });
}

void KnownData::check_stored(uint32_t size) const {
  require_of_index(
      (size & kBlockSizeMask) <= block_size_ && (size & ~(kBlockStored | kBlockSizeMask)) == 0,
      "a block that is too large");
}

void KnownData::check(const KnownFile& file) const {
  const uint64_t count = file.size / block_size_;
  require_of_index(file.size != 0, "an empty file");
  require_of_index(file.start <= reference_.size_bytes(), "a file behind the end of the image");
  require_of_index(has_part(block_sizes_, file.first_block, count), "a file without blocks");
  const uint32_t end = static_cast<uint32_t>(file.size % block_size_);
  require_of_index((end == 0) == (file.fragment == kNoFragment), "a file without its end");
  if (end == 0) return;
  require_of_index(file.fragment < fragments_.size(), "a file without its end");
  const uint32_t content_size = fragment_contents_[file.fragment].size;
  require_of_index(content_size <= block_size_ && end <= content_size &&
                       file.fragment_offset <= content_size - end,
                   "a file without its end");
}

KnownPlace KnownData::place_of(const KnownFile& file) const {
  return file.size >= block_size_ ? kHasBlocks | file.first_block
                                  : KnownPlace{file.fragment} << 32 | file.fragment_offset;
}

std::span<const le32> KnownData::block_sizes(const KnownFile& file) const {
  return block_sizes_.subspan(file.first_block, file.size / block_size_);
}

std::span<const le64> KnownData::block_checksums(const KnownFile& file) const {
  return block_checksums_.subspan(file.first_block, file.size / block_size_);
}

}  // namespace imagefmt::squashfs
