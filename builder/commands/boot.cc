// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/output.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

struct Options {
  OutputTarget target;
  std::string output;
};

void boot(const Options& options, std::ostream& out) {
  const ManifestSummary manifest = read_manifest(options.target.folder);
  const Board board = board_of(options.target, manifest);
  const std::vector<BootFile> files = make_boot_files(options.target, manifest, board);
  if (files.empty()) {
    throw Error(
        fmt::format("board '{}' boots from no file but kernel and initrd: its boot kind is '{}'",
                    board.name, to_text(board.boot_kind)));
  }
  OutputFolder folder(options.output);
  SilentReporter reporter;
  write_boot_files(files, folder.partial(), reporter);
  for (const BootFile& file : files) {
    out << fmt::format("{}: {} bytes\n", file.name, file.size_bytes);
  }
  folder.commit();
}

}  // namespace

void add_boot_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("boot", "Make the boot images of a build alone, for its board or another");
  add_output_options(*command, options->target);
  command->add_option("--output", options->output, "the folder to make, whole or not at all")
      ->required()
      ->option_text("DIR");
  command->footer(
      "Examples:\n"
      "  intaglio boot out --board oneplus-enchilada --device-trees dtbs --output enchilada");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      options->target.mtime = io.source_date_epoch;
      boot(*options, io.out);
      return 0;
    };
  });
}

}  // namespace builder
