// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/boot_files.h"
#include "builder/commands/commands.h"
#include "builder/manifest.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

struct Options {
  std::string input, board, device_trees, output;
};

void boot(const Options& options, std::ostream& out) {
  const std::string manifest = options.input + "/manifest.json";
  const ManifestSummary summary = parse_manifest(read_file(manifest, 64 << 20), manifest);
  const Board board = find_board(options.board.empty() ? summary.board : options.board);
  BootParts parts{.kernel = options.input + "/kernel",
                  .initrd = options.input + "/initrd",
                  .command_line = read_file(options.input + "/cmdline", 1 << 16),
                  .device_trees = options.device_trees};
  while (parts.command_line.ends_with('\n')) parts.command_line.pop_back();
  const std::vector<BootFile> files = make_boot_files(board, parts);
  if (files.empty()) {
    throw Error(
        fmt::format("board '{}' boots from no file but kernel and initrd: its boot kind is '{}'",
                    board.name, to_text(board.boot_kind)));
  }
  OutputFolder folder(options.output);
  for (const BootFile& file : files) {
    write_file(folder.partial() + '/' + file.name, file.bytes);
    out << fmt::format("{}: {} bytes\n", file.name, file.bytes.size());
  }
  folder.commit();
}

}  // namespace

void add_boot_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("boot", "Make the boot images of a build alone, for its board or another");
  command->add_option("OUT", options->input, "the output folder of a build")->required();
  command->add_option("--output", options->output, "the folder to make, whole or not at all")
      ->required()
      ->option_text("DIR");
  command->add_option("--board", options->board, "a board's name, or a .toml file (default: OUT's)")
      ->option_text("NAME");
  command->add_option("--device-trees", options->device_trees, "the folder of the kernel's dtbs")
      ->option_text("DIR");
  command->footer(
      "Examples:\n"
      "  intaglio boot out --board oneplus-enchilada --device-trees dtbs --output enchilada");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      boot(*options, io.out);
      return 0;
    };
  });
}

}  // namespace builder
