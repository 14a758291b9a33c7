// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/erofs/lz4.h"

#include <lz4.h>
#include <lz4hc.h>

#include <algorithm>

#include "imagefmt/base/handle.h"

namespace imagefmt::erofs {

namespace {

constexpr int kFast = 1, kLowestHigh = 3, kHighest = LZ4HC_CLEVEL_MAX;

/// With inputs below 64 KiB liblz4 keeps places of 16 bits and twice as many of them.
constexpr size_t kShortInput = 65536;

const char* as_chars(ByteView bytes) {
  return reinterpret_cast<const char*>(bytes.data());
}
char* as_chars(std::span<uint8_t> bytes) {
  return reinterpret_cast<char*>(bytes.data());
}

}  // namespace

int checked_level(Compression compression, std::optional<int> level) {
  if (compression == Compression::kNone) {
    if (level) throw Error(fmt::format("cannot use level {} without compression", *level));
    return 0;
  }
  if (compression != Compression::kLz4) {
    throw Error(fmt::format("cannot compress an erofs image with {}: expected lz4 or none",
                            name_of(compression)));
  }
  const int chosen = level.value_or(kFast);
  if (chosen != kFast && (chosen < kLowestHigh || chosen > kHighest)) {
    throw Error(fmt::format("cannot use level {} with lz4: expected {} (fast) or {} to {} (high)",
                            chosen, kFast, kLowestHigh, kHighest));
  }
  return chosen;
}

struct Lz4Packer::State {
  int level;
  Handle<LZ4_streamHC_t, LZ4_freeStreamHC> high;
};

Lz4Packer::Lz4Packer(int level) : state_(std::make_unique<State>()) {
  state_->level = level;
  if (level == kFast) return;
  state_->high.reset(LZ4_createStreamHC());
  if (!state_->high) throw std::bad_alloc();
}
Lz4Packer::Lz4Packer(Lz4Packer&&) noexcept = default;
Lz4Packer::~Lz4Packer() = default;

Lz4Packer::Packed Lz4Packer::pack(ByteView bytes, std::span<uint8_t> out) {
  const int room = static_cast<int>(out.size());
  auto pack_up_to = [&](size_t most) {
    int from = static_cast<int>(std::min(bytes.size(), most));
    const int to = state_->high
                       ? LZ4_compress_HC_destSize(state_->high.get(), as_chars(bytes),
                                                  as_chars(out), &from, room, state_->level)
                       : LZ4_compress_destSize(as_chars(bytes), as_chars(out), &from, room);
    if (to <= 0) throw Error(fmt::format("cannot compress a block: liblz4 error {}", to));
    return Packed{static_cast<size_t>(from), static_cast<size_t>(to)};
  };
  const Packed packed = pack_up_to(kShortInput);
  return packed.from < kShortInput || bytes.size() == kShortInput ? packed
                                                                  : pack_up_to(bytes.size());
}

void unpack_lz4(ByteView packed, std::span<uint8_t> out, bool may_hold_more) {
  const int in_size = static_cast<int>(packed.size()), out_size = static_cast<int>(out.size());
  const int found = may_hold_more
                        ? LZ4_decompress_safe_partial(as_chars(packed), as_chars(out), in_size,
                                                      out_size, out_size)
                        : LZ4_decompress_safe(as_chars(packed), as_chars(out), in_size, out_size);
  if (found < 0) throw Error("corrupt compressed data");
  if (found != out_size) {
    throw Error(fmt::format("it unfolds to {} bytes, expected {}", found, out_size));
  }
}

}  // namespace imagefmt::erofs
