// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/commands/private_choice.h"
#include "builder/initrd.h"
#include "builder/kernel.h"
#include "builder/kernel_check.h"
#include "builder/kernel_fragment.h"
#include "builder/lsm.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

const Choices<FragmentFormat> kFormats = {{"kconfig", FragmentFormat::kKconfig},
                                          {"nix", FragmentFormat::kNix},
                                          {"json", FragmentFormat::kJson}};

struct Options {
  std::string board, config, initrd, command_line;
  KernelProfile profile = KernelProfile::kDevel;
  policy::SelinuxMode mode = policy::SelinuxMode::kEnforcing;
  std::optional<policy::KernelVersion> version;
  FragmentFormat format = FragmentFormat::kKconfig;
  bool json = false;
};

/// What the board's image asks of a kernel, as far as it is known without one.
KernelTarget target_of(const Options& options, const Board& board) {
  KernelTarget target = kernel_target_of(board);
  target.profile = options.profile;
  target.mode = options.mode;
  ImageOptions image;
  image.format = board.root_format;
  target.root_compression = imagefmt::name_of(used_compression(image));
  target.version = options.version;
  return target;
}

int print_fragment(const Options& options, Io& io) {
  const Board board = find_board(options.board);
  KernelTarget target = target_of(options, board);
  target.initrd_compressions = {"gzip", "zstd"};  // what most initrds are, NixOS's among them
  const std::string title = fmt::format(
      "Kernel options for board {}, profile {}, {}", board.name, to_text(options.profile),
      options.version ? "Linux " + policy::to_string(*options.version) : "any kernel");
  io.out << serialize_fragment(kernel_table().select(target), title, options.format);
  return 0;
}

/// The board's command line, as a build completes it.
KernelParams params_of(const Options& options, const Board& board) {
  if (!options.command_line.empty()) return parse_kernel_params(options.command_line);
  std::vector<std::string> warnings;
  return with_selinux(parse_kernel_params(fmt::format("{}", fmt::join(board.cmdline, " "))),
                      {*options.version, options.mode}, warnings);
}

int check(const Options& options, Io& io) {
  const Board board = find_board(options.board);
  KernelTarget target = target_of(options, board);
  std::optional<Initrd> initrd;
  if (!options.initrd.empty()) {
    const std::string bytes = imagefmt::read_file(options.initrd);
    initrd = read_initrd(imagefmt::as_bytes(bytes), options.initrd);
    target.initrd_compressions = initrd->compressions;
  }
  const KernelConfig config = KernelConfig::parse(read_config_file(options.config), options.config);
  const KernelVerdict verdict =
      check_kernel(config, kernel_table().select(target),
                   {*options.version, params_of(options, board), initrd ? &*initrd : nullptr});
  io.out << (options.json ? verdict_json(verdict) : verdict_text(verdict));
  return verdict.has_errors() ? 1 : 0;
}

CLI::Option* add_version_option(CLI::App& command, Options& options, const char* description) {
  return command
      .add_option_function<std::string>(
          "--kernel-version",
          [&options](const std::string& text) {
            options.version = policy::parse_kernel_version(text);
          },
          description)
      ->option_text("V");
}

void add_fragment_command(CLI::App& parent, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      parent.add_subcommand("fragment", "Print the options that an image asks of its kernel");
  command->add_option("--board", options->board, "a board's name, or a .toml file")
      ->required()
      ->option_text("NAME");
  add_profile_option(*command, options->profile);
  add_choice(*command, "--format", options->format, kFormats,
             "kconfig (default): for merge_config.sh; nix: structuredExtraConfig; json")
      ->option_text("FORMAT");
  add_version_option(*command, *options, "the kernel that it is for (default: any)");
  command->footer(
      "Examples:\n"
      "  intaglio kernel-config fragment --board qemu-x86_64 >intaglio.config\n"
      "  scripts/kconfig/merge_config.sh .config intaglio.config\n"
      "  intaglio kernel-config fragment --board qemu-x86_64 --format nix >intaglio-kernel.nix");
  command->callback(
      [options, &chosen] { chosen = [options](Io& io) { return print_fragment(*options, io); }; });
}

void add_check_command(CLI::App& parent, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      parent.add_subcommand("check", "Judge a kernel's configuration by what an image asks of it");
  command
      ->add_option(
          "CONFIG_FILE", options->config,
          "a .config, compressed or not, or a kernel image that carries or has it beside it")
      ->required();
  command->add_option("--board", options->board, "a board's name, or a .toml file")
      ->required()
      ->option_text("NAME");
  add_version_option(*command, *options, "the kernel's version")->required();
  add_profile_option(*command, options->profile);
  add_mode_option(*command, options->mode);
  command
      ->add_option("--initrd", options->initrd,
                   "the initrd, which may carry as modules what is not built in")
      ->option_text("FILE");
  command
      ->add_option("--cmdline", options->command_line,
                   "the kernel's command line (default: what a build makes of the board's)")
      ->option_text("LINE");
  command->add_flag("--json", options->json, "print it as JSON");
  command->footer(
      "Prints a line for each requirement that is not met: severity, what was found and expected,\n"
      "the reason, the group and the source. Exit status 1 if one of them is an error.\n\n"
      "Examples:\n"
      "  intaglio kernel-config check --board qemu-x86_64 --kernel-version 6.1 \\\n"
      "      --initrd /boot/initrd.img /boot/config-6.1.0-18-amd64\n"
      "  intaglio kernel-config check --board qemu-x86_64 --kernel-version 6.12 \\\n"
      "      --profile production result/bzImage");
  command->callback(
      [options, &chosen] { chosen = [options](Io& io) { return check(*options, io); }; });
}

}  // namespace

void add_kernel_config_commands(CLI::App& app, Run& chosen) {
  CLI::App* command =
      app.add_subcommand("kernel-config", "What an image asks of its kernel's configuration");
  command->require_subcommand(1);
  add_fragment_command(*command, chosen);
  add_check_command(*command, chosen);
}

}  // namespace builder
