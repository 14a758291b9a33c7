// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/boot_files.h"
#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/output.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

struct Options {
  std::string input, board, device_trees, output;
  BootOptions boot;
};

void boot(const Options& options, Io& io) {
  const ManifestSummary manifest = read_manifest(options.input);
  const Board board = board_of(manifest, options.board, options.boot.kind);
  BootParts parts = parts_of_output(options.input, manifest);
  parts.device_trees = options.device_trees;
  parts.options = options.boot;
  parts.mtime = io.source_date_epoch;
  const std::vector<BootFile> files = make_boot_files(board, parts);
  if (files.empty()) {
    throw Error(
        fmt::format("board '{}' boots from no file but kernel and initrd: its boot kind is '{}'",
                    board.name, to_text(board.boot_kind)));
  }
  OutputFolder folder(options.output);
  SilentReporter reporter;
  write_boot_files(files, folder.partial(), reporter);
  for (const BootFile& file : files) {
    io.out << fmt::format("{}: {} bytes\n", file.name, file.size_bytes);
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
  add_boot_kind_option(*command, options->boot);
  command->footer(
      "Examples:\n"
      "  intaglio boot out --board oneplus-enchilada --device-trees dtbs --output enchilada");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      boot(*options, io);
      return 0;
    };
  });
}

}  // namespace builder
