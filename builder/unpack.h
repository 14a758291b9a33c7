// SPDX-License-Identifier: Apache-2.0
//
// What kernels and initrds are compressed with (the kernel's usr/Kconfig and scripts/Makefile.lib),
// told by what the data begin with. No LZO: libarchive would run a program of the host for it.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "imagefmt/base/bytes.h"

namespace builder {

struct Compression {
  std::string_view name;   // gzip, bzip2, lzma, xz, lz4, zstd: as the kernel's RD_… have it
  std::string_view magic;  // several of one name are possible
  int filter;              // libarchive's ARCHIVE_FILTER_…
};
std::span<const Compression> compressions();

/// The name of what `packed` begins with; empty if it is none.
std::string_view compression_of(imagefmt::ByteView packed);

/// Takes the next bytes and returns whether it has seen enough.
using Sink = std::function<bool(imagefmt::ByteView)>;

struct Unpacked {
  /// How many bytes of the packed data were read. Beyond their end nothing is, though xz and zstd
  /// take what stands there for damage, and lose their last block.
  uint64_t packed_bytes = 0;
  bool whole = false;  // up to their end: the sink had not enough, nothing was damaged
};

/// Unpacks what `packed` begins with into `sink` until that has enough, `budget` bytes are spent,
/// or the data end or break. Takes what it gave off `budget`. Nothing is unpacked of what is not
/// compressed.
Unpacked unpack(imagefmt::ByteView packed, uint64_t& budget, const Sink& sink);

}  // namespace builder
