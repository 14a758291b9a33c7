// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/ext4/survey.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "imagefmt/base/parallel.h"
#include "imagefmt/base/zeros.h"

namespace imagefmt::ext4 {

namespace {

constexpr uint64_t kStep = 1 << 20;

/// Turns a sequence of blocks, zero or not, into runs.
class RunFinder {
 public:
  void add(bool zero, uint64_t count) {
    if (zero) {
      zeros_ += count;
      return;
    }
    if (zeros_ >= kHoleBlocks || runs_.empty()) {
      const bool leading = runs_.empty() && zeros_ < kHoleBlocks;
      const uint64_t start = leading ? 0 : position_ + zeros_;
      runs_.push_back({low32(start), 0, 0});
    }
    position_ += zeros_ + count;
    zeros_ = 0;
    runs_.back().count = low32(position_) - runs_.back().logical;
  }
  std::vector<Run> finish() {
    // Few zeros at the end are no hole.
    if (zeros_ != 0 && zeros_ < kHoleBlocks) add(false, 0);
    return std::move(runs_);
  }

 private:
  std::vector<Run> runs_;
  uint64_t position_ = 0;  // behind the last block that is not zero
  uint64_t zeros_ = 0;     // blocks behind it
};

}  // namespace

std::vector<Run> find_data(const Content& content) {
  const uint64_t size = content.size_bytes();
  if (size == 0) return {};
  if (size < kSparseFileBytes) return {{0, low32(blocks_of(size)), 0}};
  RunFinder finder;
  std::unique_ptr<ContentReader> reader = content.open();
  Bytes buffer(kStep);
  for (uint64_t offset = 0; offset < size;) {
    // The last block may be short: it counts whole.
    const uint64_t hole = reader->hole_size();
    const uint64_t zeros = hole >= size - offset ? size - offset : hole / kBlockSize * kBlockSize;
    if (zeros != 0) {
      reader->skip(zeros);
      finder.add(true, blocks_of(zeros));
      offset += zeros;
      continue;
    }
    const std::span<uint8_t> part(buffer.data(), std::min(kStep, size - offset));
    reader->read(part);
    for (size_t at = 0; at < part.size(); at += kBlockSize) {
      finder.add(all_zero(part.subspan(at, std::min<size_t>(kBlockSize, part.size() - at))), 1);
    }
    offset += part.size();
  }
  reader->finish();
  return finder.finish();
}

std::vector<uint32_t> find_equal(const std::vector<const Content*>& contents,
                                 const std::vector<KnownPlace>& places, unsigned jobs) {
  const std::vector<Comparison> comparisons = choose_comparisons(contents, places, 1);
  std::vector<uint32_t> first(contents.size());
  std::iota(first.begin(), first.end(), 0u);
  // Those that compressing formats may store in different ways are not equal here either.
  std::map<std::pair<bool, KnownPlace>, uint32_t> by_place;
  std::vector<uint32_t> compared;
  for (uint32_t i = 0; i < contents.size(); ++i) {
    if (comparisons[i] == Comparison::kByPlaces) {
      first[i] = by_place.try_emplace({contents[i]->is_uncompressed(), places[i]}, i).first->second;
    }
    if (comparisons[i] == Comparison::kByBytes) compared.push_back(i);
  }
  std::vector<Digest> digests(compared.size());
  parallel_for(jobs, compared.size(),
               [&](size_t i) { digests[i] = digest(*contents[compared[i]]); });
  std::map<std::pair<bool, Digest>, uint32_t> known;
  for (size_t i = 0; i < compared.size(); ++i) {
    const std::pair key(contents[compared[i]]->is_uncompressed(), digests[i]);
    first[compared[i]] = known.try_emplace(key, compared[i]).first->second;
  }
  return first;
}

}  // namespace imagefmt::ext4
