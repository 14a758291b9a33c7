// SPDX-License-Identifier: Apache-2.0
//
// The options that every command has that writes an image. Private to the commands: it includes
// CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "builder/image.h"

namespace builder {

inline void add_image_options(CLI::App& command, ImageOptions& image) {
  command
      .add_option_function<std::string>(
          "--compression",
          [&image](const std::string& name) {
            image.compression = imagefmt::parse_compression(name);
          },
          "zstd (squashfs's default), lz4 (erofs's), xz, gzip or none")
      ->option_text("C");
  command.add_option("--level", image.level, "the compressor's level")->option_text("N");
  command
      .add_option("--free-space", image.free_space_bytes,
                  "bytes to leave free for writing once the image is in use (default 0: read-only)")
      ->option_text("BYTES");
  command.add_flag("--share-data", image.share_data,
                   "store equal files once, in an ext4 image that nobody can write to");
}

}  // namespace builder
