// SPDX-License-Identifier: Apache-2.0
#include "builder/board.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/board_words.h"
#include "imagefmt/base/file.h"

namespace builder {

using imagefmt::EmbeddedFile;
using imagefmt::Error;

namespace {

constexpr uint64_t kMaxFileBytes = 1 << 20;

/// What a board may extend: boards and families.
std::span<const EmbeddedFile> bases() {
  static const std::vector<EmbeddedFile> all = [] {
    std::vector<EmbeddedFile> files(embedded_boards().begin(), embedded_boards().end());
    files.insert(files.end(), embedded_board_families().begin(), embedded_board_families().end());
    return files;
  }();
  return all;
}

Board parse_embedded(const EmbeddedFile& file) {
  Board board = parse_board(file.bytes, file.name, bases());
  if (board.name != stem_of(file)) {
    throw Error(fmt::format("{}: the board names itself '{}'", file.name, board.name));
  }
  return board;
}

}  // namespace

std::string_view to_text(Arch arch) {
  return spell(arch);
}
std::string_view to_text(BootKind kind) {
  return spell(kind);
}
BootKind parse_boot_kind(std::string_view word) {
  return parse_word<BootKind>("boot kind", word);
}
std::string_view to_text(RootFormat format) {
  return spell(format);
}

bool is_arch_of(Arch arch, std::string_view nix_system) {
  return nix_system.substr(0, nix_system.find('-')) == to_text(arch);
}

bool boots_by(const Board& board, BootKind kind) {
  return board.boot_kind == kind || std::find(board.also_boots.begin(), board.also_boots.end(),
                                              kind) != board.also_boots.end();
}

Board with_boot_kind(Board board, std::optional<BootKind> kind) {
  if (kind && !boots_by(board, *kind)) {
    std::vector<std::string> kinds{std::string(to_text(board.boot_kind))};
    for (BootKind other : board.also_boots) kinds.emplace_back(to_text(other));
    throw Error(fmt::format("board '{}' does not boot by '{}', expected {}", board.name,
                            to_text(*kind), one_of(kinds)));
  }
  board.boot_kind = kind.value_or(board.boot_kind);
  if (board.boot_kind != BootKind::kDirect && board.root_partition.empty()) {
    board.root_partition = "root";
    board.root_device = kDerivedPartUuid;
  }
  return board;
}

std::vector<std::string> kernel_params_of(const Board& board) {
  std::vector<std::string> params;
  if (!board.console.empty()) params.push_back("console=" + board.console);
  params.insert(params.end(), board.cmdline.begin(), board.cmdline.end());
  return params;
}

Board find_board(const std::string& name_or_file) {
  constexpr std::string_view kEnding = ".toml";
  if (name_or_file.size() > kEnding.size() && name_or_file.ends_with(kEnding)) {
    return parse_board(imagefmt::read_file(name_or_file, kMaxFileBytes), name_or_file, bases());
  }
  const EmbeddedFile* file = find_board_file(embedded_boards(), name_or_file);
  if (!file) throw unknown_board(name_or_file, embedded_boards());
  return parse_embedded(*file);
}

std::vector<Board> all_boards() {
  std::vector<Board> boards;
  for (const EmbeddedFile& file : embedded_boards()) boards.push_back(parse_embedded(file));
  std::sort(boards.begin(), boards.end(),
            [](const Board& a, const Board& b) { return a.name < b.name; });
  return boards;
}

}  // namespace builder
