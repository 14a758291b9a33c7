// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/boot_part.h"
#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/kernel_image.h"
#include "builder/manifest.h"
#include "builder/output.h"
#include "builder/terminal.h"
#include "imagefmt/base/file.h"

namespace builder {

using namespace imagefmt;

namespace {

struct Options {
  OutputTarget target;
  std::string output;
  std::string kernel, initrd, kernel_config, os_release;
  BootPartInput part;
  SystemOptions system;
  bool writable = false;
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

/// What needs no build: the part of an output folder that a board boots from.
void boot_of_kernel(Options& options, Io& io) {
  TerminalReporter reporter(io, false);
  SystemOptions& system = options.system;
  system.boot = options.target.boot;
  system.source_date_epoch = io.source_date_epoch;
  const Board board = with_boot_kind(find_board(options.target.board), options.target.boot.kind);
  const std::string image = read_file(options.kernel, 1 << 30);
  options.part.kernel = {options.kernel, kernel_release(as_bytes(image), options.kernel),
                         options.kernel_config.empty()
                             ? find_config_of_image(options.kernel, as_bytes(image))
                             : read_config_file(options.kernel_config),
                         options.initrd};
  options.part.kernel_file = options.kernel;
  options.part.device_trees = options.target.device_trees;
  options.part.os_release = [&]() -> std::string {
    if (!options.os_release.empty()) return read_file(options.os_release, 1 << 20);
    throw Error("it shows the system's name: --os-release is needed");
  };
  ImageOptions root;
  root.format = system.format.value_or(board.root_format);
  if (!system.compression.empty()) root.compression = parse_compression(system.compression);
  system.compression = name_of(used_compression(root));
  system.read_only = !options.writable;

  const BootPart part = make_boot_part(board, options.part, system, reporter);
  OutputFolder folder(options.output);
  write_boot_part(part, folder.partial(), reporter);
  Manifest manifest;
  manifest.board = board.name;
  manifest.boot = to_text(board.boot_kind);
  manifest.toplevel = options.part.toplevel;
  manifest.kernel_version = options.part.kernel.release;
  manifest.mode = policy::to_text(system.mode);
  manifest.cmdline = part.command_line;
  manifest.artifacts = list_boot_artifacts(part, folder.partial());
  write_file(manifest_file(folder.partial()), serialize_manifest(manifest));
  folder.commit();
}

/// Of `boot --kernel`: what a build reads in the closure, and what it says of the root.
void add_kernel_options(CLI::App& command, Options& options) {
  CLI::Option* out = command.get_option("OUT")->required(false);
  CLI::Option* kernel =
      command
          .add_option("--kernel", options.kernel,
                      "a kernel's image, in the place of OUT: makes all of an output folder that a "
                      "board boots from, for `join`")
          ->option_text("FILE")
          ->excludes(out);
  kernel->needs(command.get_option("--board"));
  auto add = [&](const char* name, std::string& value, const char* description) {
    CLI::Option* option = command.add_option(name, value, description)->needs(kernel);
    return option->option_text("FILE");
  };
  kernel->needs(add("--initrd", options.initrd, "its initrd"));
  add("--kernel-config", options.kernel_config,
      "its configuration (default: the one that it carries, or that lies beside it)");
  add("--kernel-params", options.part.kernel_params, "the system's own kernel parameters")
      ->option_text("LINE");
  add("--toplevel", options.part.toplevel,
      "the system, for boards that find the root by an id that derives from it, or name it")
      ->option_text("STORE_PATH");
  add("--os-release", options.os_release, "the system's os-release, for what shows its name");
  add("--init", options.part.init, "what `init=` names (default: /init, of a sealed root)")
      ->option_text("PATH");
  command
      .add_option_function<std::string>(
          "--format",
          [&options](const std::string& name) { options.system.format = parse_image_format(name); },
          "of the root image (default: the board's)")
      ->option_text("FORMAT")
      ->needs(kernel);
  add("--compression", options.system.compression, "of the root image (default: the format's own)")
      ->option_text("C");
  command.add_flag("--writable", options.writable, "the root is mounted to be written to")
      ->needs(kernel);
  add_mode_option(command, options.system.mode);
  add_profile_option(command, options.system.kernel_profile);
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
  add_kernel_options(*command, *options);
  command->footer(
      "Examples:\n"
      "  intaglio boot --kernel bzImage --initrd initrd --board qemu-x86_64 --output boot\n"
      "  intaglio boot out --board oneplus-enchilada --device-trees dtbs --output enchilada");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      options->target.mtime = io.source_date_epoch;
      if (!options->kernel.empty()) {
        boot_of_kernel(*options, io);
      } else if (!options->target.folder.empty()) {
        boot(*options, io.out);
      } else {
        throw UsageError("boot: OUT or --kernel is needed");
      }
      return 0;
    };
  });
}

}  // namespace builder
