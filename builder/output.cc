// SPDX-License-Identifier: Apache-2.0
#include "builder/output.h"

#include "builder/disk.h"
#include "builder/image.h"
#include "builder/links.h"

namespace builder {

Board board_of(const OutputTarget& target, const ManifestSummary& manifest) {
  Board board = find_board(target.board.empty() ? manifest.board : target.board);
  const bool is_own = board.name == manifest.board;
  return with_boot_kind(std::move(board),
                        is_own && !target.boot.kind ? manifest.boot : target.boot.kind);
}

void require_own_board(const Board& board, const std::string& folder,
                       const ManifestSummary& manifest, std::string_view what) {
  if (board.name == manifest.board) return;
  throw imagefmt::Error(fmt::format("cannot {} board '{}': '{}' was built for '{}'", what,
                                    board.name, folder, manifest.board));
}

bool is_as_built(const OutputTarget& target, const ManifestSummary& manifest, const Board& board) {
  return board.name == manifest.board && !target.boot.kind;
}

std::vector<BootFile> make_boot_files(const OutputTarget& target, const ManifestSummary& manifest,
                                      const Board& board) {
  const std::string& folder = target.folder;
  BootParts parts;
  parts.kernel = folder + "/kernel";
  parts.initrd = folder + "/initrd";
  parts.command_line = read_command_line(folder);
  parts.device_trees = target.device_trees;
  parts.options = target.boot;
  parts.toplevel = manifest.toplevel;
  parts.kernel_release = manifest.kernel_version;
  parts.os_release = [image = folder + '/' + manifest.root_image()] {
    return read_text_at(read_image(image), "/etc/os-release");
  };
  parts.mtime = target.mtime;
  // Of another board's output, whose root may lie elsewhere.
  if (!board.root_partition.empty()) {
    imagefmt::with_context(fmt::format("cannot boot board '{}'", board.name),
                           [&] { check_root_argument(board, parts.command_line); });
  }
  return make_boot_files(board, parts);
}

}  // namespace builder
