// SPDX-License-Identifier: Apache-2.0
#include "builder/build.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/plan.h"
#include "builder/report.h"
#include "builder/terminal.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

struct Options {
  BuildOptions build;
  std::string report;
  bool dry_run = false;
  bool quiet = false;
};

int run_build(Options& options, Io& io) {
  options.build.system.source_date_epoch = io.source_date_epoch;
  options.build.report = !options.report.empty();
  TerminalReporter reporter(io, options.quiet);
  if (options.dry_run) {
    io.out << to_text(plan_build(options.build, reporter));
    return 0;
  }
  // Begun first: whether it can be written does not show after a build alone.
  std::optional<imagefmt::OutputFile> report;
  if (!options.report.empty()) report.emplace(options.report);
  const BuildResult result = build(options.build, reporter);
  if (report) {
    const std::string text =
        serialize_report(reporter, {result.sizes, result.labels_report, result.splits});
    report->file().write(0, imagefmt::as_bytes(text));
    report->commit();
  }
  if (!options.quiet) {
    io.err << fmt::format("labels: {} inodes, {} labels, by {} of {} rules\n", result.inodes,
                          result.labels, result.rules_used, result.rules)
           << sizes_summary(result.sizes);
  }
  io.out << fmt::format("{}: {} inodes, root {}, kernel {}, policy version {}\n",
                        options.build.output, result.inodes, format_image_size(result.sizes),
                        result.kernel_release, result.policy_version);
  return 0;
}

}  // namespace

void add_build_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  BuildOptions& build = options->build;
  CLI::App* command =
      app.add_subcommand("build", "Make the images of a device from a NixOS system closure");
  add_system_options(*command, build.system);
  add_compiled_policy_option(*command, build.system.policy);
  command
      ->add_option("--board", build.system.board,
                   "a board's name (`intaglio boards`), or a .toml file; without it, the root "
                   "image and its policy alone, for any board (`join`)")
      ->option_text("NAME");
  command->add_option("--output", build.output, "the folder to write, whole or not at all")
      ->required()
      ->option_text("DIR");
  add_mode_option(*command, build.system.mode);
  add_profile_option(*command, build.system.kernel_profile);
  command
      ->add_option_function<std::string>(
          "--format",
          [&build](const std::string& name) { build.system.format = parse_image_format(name); },
          "of the root image: " + image_formats() + " (default: the board's)")
      ->option_text("FORMAT");
  add_image_options(*command, build.image);
  add_boot_options(*command, build.system.boot);
  add_disk_options(*command, build.system.boot);
  CLI::Option* report =
      command
          ->add_option("--report", options->report,
                       "write there what the image is made of, its labels, times and rates (JSON)")
          ->option_text("FILE");
  command
      ->add_flag("--dry-run", options->dry_run,
                 "write nothing; say what would be written: labels, and the sizes that are known "
                 "before")
      ->excludes(report);
  command->add_flag("!--no-verify", build.verify, "do not read the image back to prove its labels");
  command->add_flag("--quiet", options->quiet, "no progress");
  command->footer(
      "The output folder holds manifest.json, root.FORMAT with its index, kernel, initrd, "
      "cmdline,\n"
      "policy/, file_contexts and kernel-config.fragment. The policy's version is that of the\n"
      "closure's kernel, whose configuration is judged as `kernel-config check` does it.\n"
      "--reference takes an earlier output folder.\n\n"
      "Examples:\n"
      "  intaglio build --closure closure --board qemu-x86_64 \\\n"
      "      --policy /usr/share/selinux/default --output out\n"
      "  intaglio build --closure closure --board qemu-x86_64 --policy modules \\\n"
      "      --policy-module mine.cil --boolean httpd_enable_cgi=off --mode permissive --output "
      "out");
  command->callback(
      [options, &chosen] { chosen = [options](Io& io) { return run_build(*options, io); }; });
}

}  // namespace builder
