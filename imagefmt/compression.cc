// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/compression.h"

#include <fmt/format.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "imagefmt/base/error.h"

namespace imagefmt {

std::string_view name_of(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kZstd:
      return "zstd";
    case Compression::kXz:
      return "xz";
    case Compression::kGzip:
      return "gzip";
    case Compression::kLz4:
      return "lz4";
  }
  __builtin_unreachable();
}

Compression parse_compression(std::string_view name) {
  for (Compression compression : {Compression::kNone, Compression::kZstd, Compression::kXz,
                                  Compression::kGzip, Compression::kLz4}) {
    if (name == name_of(compression)) return compression;
  }
  throw Error(fmt::format("unknown compression '{}': expected zstd, xz, gzip, lz4 or none", name));
}

std::string versioned_name(Compression compression) {
  auto version = [&]() -> const char* {
    switch (compression) {
      case Compression::kZstd:
        return ZSTD_versionString();
      case Compression::kXz:
        return lzma_version_string();
      case Compression::kGzip:
        return zlibVersion();
      case Compression::kLz4:
        return LZ4_versionString();
      case Compression::kNone:
        return nullptr;
    }
    __builtin_unreachable();
  };
  const char* found = version();
  return found ? fmt::format("{} {}", name_of(compression), found)
               : std::string(name_of(compression));
}

}  // namespace imagefmt
