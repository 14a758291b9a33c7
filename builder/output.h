// SPDX-License-Identifier: Apache-2.0
//
// What is made of an output folder once it is there: by `boot`, `disk` and `run`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "builder/boot_files.h"
#include "builder/manifest.h"

namespace builder {

/// An output folder, and for what something is made of it.
struct OutputTarget {
  std::string folder;
  std::string board;         // a name, or a .toml file; empty: the output's own, which has a name
  std::string device_trees;  // a folder of the kernel's dtbs; empty: none
  BootOptions boot;
  int64_t mtime = 1;
};

/// The board, which boots as the output was built to if it is the output's own.
Board board_of(const OutputTarget& target, const ManifestSummary& manifest);

/// Throws `cannot <what> board '<board>': '<folder>' was built for '<other>'`.
void require_own_board(const Board& board, const std::string& folder,
                       const ManifestSummary& manifest, std::string_view what);

/// Whether the output's boot files are what `target` means, with its `board`: they were built for
/// it, and no boot kind is asked for.
bool is_as_built(const OutputTarget& target, const ManifestSummary& manifest, const Board& board);

/// Of the output's kernel, initrd and command line, and of what its root says of the system.
std::vector<BootFile> make_boot_files(const OutputTarget& target, const ManifestSummary& manifest,
                                      const Board& board);

}  // namespace builder
