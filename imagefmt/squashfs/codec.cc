// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/squashfs/codec.h"

#include <sqfs/compressor.h>
#include <sqfs/error.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <new>
#include <optional>

#include "imagefmt/base/handle.h"

namespace imagefmt::squashfs {

namespace {

using Sqfs = Handle<sqfs_compressor_t, sqfs_destroy>;

struct Levels {
  int lowest, highest, standard;
};

/// The defaults are those of mksquashfs and gensquashfs. For lz4 the highest is liblz4's strongest
/// level, the only one above fast that the format can name.
Levels levels_of(Compression compression) {
  switch (compression) {
    case Compression::kZstd:
      return {1, 22, 15};
    case Compression::kXz:
      return {0, 9, 6};
    case Compression::kGzip:
      return {1, 9, 9};
    case Compression::kLz4:
      return {1, 12, 1};
    case Compression::kNone:
      return {0, 0, 0};
  }
  __builtin_unreachable();
}

Sqfs make_sqfs(uint16_t id, uint32_t block_size, int level, uint16_t flags) {
  sqfs_compressor_config_t config;
  Sqfs compressor;
  int code =
      sqfs_compressor_config_init(&config, static_cast<SQFS_COMPRESSOR>(id), block_size, flags);
  if (code == 0) {
    if (id != kLz4Id && !(flags & SQFS_COMP_FLAG_UNCOMPRESS)) {
      config.level = static_cast<sqfs_u32>(level);
    }
    code = sqfs_compressor_create(&config, Out(compressor));
  }
  if (code != 0) {
    const char* name = sqfs_compressor_name_from_id(static_cast<SQFS_COMPRESSOR>(id));
    throw Error(fmt::format("compressor {} ({}) is not supported", id, name ? name : "unknown"));
  }
  return compressor;
}

template <class T>
Bytes copy_of(const T& options) {
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(&options);
  return {bytes, bytes + sizeof options};
}

}  // namespace

CompressorId compressor_id(Compression compression) {
  switch (compression) {
    case Compression::kZstd:
      return kZstdId;
    case Compression::kXz:
      return kXzId;
    case Compression::kLz4:
      return kLz4Id;
    case Compression::kGzip:
    case Compression::kNone:
      return kGzipId;
  }
  __builtin_unreachable();
}

int checked_level(Compression compression, std::optional<int> level) {
  Levels levels = levels_of(compression);
  if (!level) return levels.standard;
  if (compression == Compression::kNone) {
    throw Error(fmt::format("cannot use level {} without compression", *level));
  }
  if (compression == Compression::kLz4 && *level != levels.lowest && *level != levels.highest) {
    throw Error(
        fmt::format("cannot use level {} with lz4: expected 1 (fast) or 12 (high)", *level));
  }
  if (*level < levels.lowest || *level > levels.highest) {
    throw Error(fmt::format("cannot use level {} with {}: expected {} to {}", *level,
                            name_of(compression), levels.lowest, levels.highest));
  }
  return *level;
}

Bytes serialize_options(Compression compression, int level) {
  bool standard = level == levels_of(compression).standard;
  switch (compression) {
    case Compression::kZstd:
      if (standard) return {};
      return copy_of(ZstdOptions{static_cast<uint32_t>(level)});
    case Compression::kGzip:
      if (standard) return {};
      return copy_of(GzipOptions{static_cast<uint32_t>(level), SQFS_GZIP_DEFAULT_WINDOW, 0});
    case Compression::kLz4:
      return copy_of(Lz4Options{1, standard ? kLz4Fast : kLz4High});
    case Compression::kXz:  // they name a dictionary, which is as large as a block, and filters
    case Compression::kNone:
      return {};
  }
  __builtin_unreachable();
}

struct Compressor::State {
  Handle<ZSTD_CCtx, ZSTD_freeCCtx> zstd;
  Sqfs sqfs;
  int level = 0;
};

Compressor::Compressor(Compression compression, int level, uint32_t block_size)
    : state_(std::make_unique<State>()) {
  state_->level = level;
  if (compression == Compression::kNone) return;
  if (compression == Compression::kZstd) {
    state_->zstd.reset(ZSTD_createCCtx());
    if (!state_->zstd) throw std::bad_alloc();
    return;
  }
  bool high_lz4 = compression == Compression::kLz4 && level > 1;
  state_->sqfs = make_sqfs(compressor_id(compression), block_size, level,
                           high_lz4 ? SQFS_COMP_FLAG_LZ4_HC : 0);
}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

size_t Compressor::compress(ByteView block, std::span<uint8_t> out) {
  // Room for one byte less than the block: what does not fit is not worth compressing.
  if (block.size() < 2) return 0;
  size_t room = std::min(out.size(), block.size() - 1);
  if (state_->zstd) {
    size_t size = ZSTD_compressCCtx(state_->zstd.get(), out.data(), room, block.data(),
                                    block.size(), state_->level);
    if (!ZSTD_isError(size)) return size;
    if (ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall) return 0;
    if (ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation) throw std::bad_alloc();
    throw Error(fmt::format("cannot compress a block: {}", ZSTD_getErrorName(size)));
  }
  if (!state_->sqfs) return 0;
  sqfs_s32 size =
      state_->sqfs->do_block(state_->sqfs.get(), block.data(), static_cast<sqfs_u32>(block.size()),
                             out.data(), static_cast<sqfs_u32>(room));
  if (size < 0) throw Error(fmt::format("cannot compress a block: libsquashfs error {}", size));
  return static_cast<size_t>(size);
}

struct Decompressor::State {
  Handle<ZSTD_DCtx, ZSTD_freeDCtx> zstd;
  Sqfs sqfs;
};

Decompressor::Decompressor(uint16_t id, uint32_t block_size) : state_(std::make_unique<State>()) {
  if (id == kZstdId) {
    state_->zstd.reset(ZSTD_createDCtx());
    if (!state_->zstd) throw std::bad_alloc();
  } else {
    state_->sqfs = make_sqfs(id, block_size, 0, SQFS_COMP_FLAG_UNCOMPRESS);
  }
}
Decompressor::Decompressor(Decompressor&&) noexcept = default;
Decompressor::~Decompressor() = default;

size_t Decompressor::decompress(ByteView block, std::span<uint8_t> out) {
  if (state_->zstd) {
    size_t size =
        ZSTD_decompressDCtx(state_->zstd.get(), out.data(), out.size(), block.data(), block.size());
    if (!ZSTD_isError(size)) return size;
  } else {
    sqfs_s32 size = state_->sqfs->do_block(state_->sqfs.get(), block.data(),
                                           static_cast<sqfs_u32>(block.size()), out.data(),
                                           static_cast<sqfs_u32>(out.size()));
    if (size > 0) return static_cast<size_t>(size);
  }
  throw Error("corrupt compressed data");
}

}  // namespace imagefmt::squashfs
