// SPDX-License-Identifier: Apache-2.0
#include "builder/flash_plan.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/board_words.h"
#include "builder/commands/commands.h"
#include "builder/output.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

struct Options {
  std::string output, board;
  FlashOptions flash;
  bool json = false;
};

void plan(const Options& options, std::ostream& out) {
  const std::string file = manifest_file(options.output);
  const std::string manifest = read_manifest_text(options.output);
  const ManifestSummary summary = parse_manifest(manifest, file);
  const Board board = find_board(options.board.empty() ? summary.board : options.board);
  require_own_board(board, options.output, summary, "plan how to flash");
  const FlashSource source{options.output, summary.cmdline, parse_artifacts(manifest, file)};
  const FlashPlan plan = plan_flashing(board, source, options.flash);
  out << (options.json ? serialize_flash_json(plan) : serialize_flash_script(plan));
}

}  // namespace

void add_flash_plan_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "flash-plan", "Say how an output of `build` gets to its device: commands, sizes, slots");
  command->add_option("OUTPUT", options->output, "the output folder")->required();
  command
      ->add_option("--board", options->board,
                   "the board's name, or the .toml file that OUTPUT was built for")
      ->option_text("NAME");
  command
      ->add_option_function<std::string>(
          "--method",
          [options](const std::string& word) {
            options->flash.method = parse_word<FlashMethod>("flash method", word);
          },
          "how, of the board's ways (default: the usual one)")
      ->option_text("METHOD");
  command
      ->add_option_function<std::string>(
          "--max-download",
          [options](const std::string& text) {
            options->flash.max_download_bytes = parse_number(text, "--max-download", UINT64_MAX);
          },
          "the most of one sparse image: what `fastboot getvar max-download-size` says "
          "(default: 268435456)")
      ->option_text("BYTES");
  command->add_flag("--json", options->json, "as JSON");
  command->footer(
      "The commands are a shell script's, with what a person must do by hand as comments.\n\n"
      "Examples:\n"
      "  intaglio flash-plan out\n"
      "  intaglio flash-plan --board purism-librem5 out --method disk --json");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      plan(*options, io.out);
      return 0;
    };
  });
}

}  // namespace builder
