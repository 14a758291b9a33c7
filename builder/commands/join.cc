// SPDX-License-Identifier: Apache-2.0
#include "builder/join.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "builder/commands/commands.h"

namespace builder {

void add_join_command(CLI::App& app, Run& chosen) {
  struct Options {
    std::vector<std::string> parts;
    std::string output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("join", "Make an output folder of a root image and a board's boot files");
  command
      ->add_option("PART", options->parts,
                   "what `build` wrote without --board, what `boot` wrote of a --kernel, and what "
                   "`disk` wrote of both")
      ->required()
      ->expected(2, 16);
  command->add_option("--output", options->output, "the folder to make, whole or not at all")
      ->required()
      ->option_text("DIR");
  command->footer(
      "The folder has the manifest that one build of all would write, and symlinks to the parts' "
      "files.\n\n"
      "Examples:\n"
      "  intaglio build --closure closure --compiled-policy selinux --output root\n"
      "  intaglio boot --kernel bzImage --initrd initrd --board qemu-x86_64 --output boot\n"
      "  intaglio join root boot --output out\n\n"
      "For a board with a disk, the same with the disk:\n"
      "  intaglio join root boot --output parts\n"
      "  intaglio disk parts --output disk\n"
      "  intaglio join root boot disk --output out");
  command->callback([options, &chosen] {
    chosen = [options](Io&) {
      join_parts(options->parts, options->output);
      return 0;
    };
  });
}

}  // namespace builder
