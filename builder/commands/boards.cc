// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/board.h"
#include "builder/commands/commands.h"

namespace builder {

void add_boards_command(CLI::App& app, Run& chosen) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("boards", "List the boards, or print one");
  command->add_option("NAME", *name, "a board's name, or a .toml file: print its whole definition");
  command->footer(
      "Without a name: a line a board: name, arch, boot kind, root format, separated by tabs.\n\n"
      "Examples:\n"
      "  intaglio boards\n"
      "  intaglio boards qemu-x86_64");
  command->callback([name, &chosen] {
    chosen = [name](Io& io) {
      if (!name->empty()) {
        io.out << serialize_board(find_board(*name));
        return 0;
      }
      for (const Board& board : all_boards()) {
        io.out << board.name << '\t' << to_text(board.arch) << '\t' << to_text(board.boot_kind)
               << '\t' << to_text(board.root_format) << '\n';
      }
      return 0;
    };
  });
}

}  // namespace builder
