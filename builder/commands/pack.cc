// SPDX-License-Identifier: Apache-2.0
#include "builder/pack.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/report.h"
#include "builder/terminal.h"
#include "imagefmt/base/file.h"

namespace builder {

void add_pack_command(CLI::App& app, Run& chosen) {
  struct Options {
    PackOptions pack;
    std::string report;
    bool quiet = false;
  };
  auto options = std::make_shared<Options>();
  PackOptions& pack = options->pack;
  ImageOptions& image = pack.image;
  CLI::App* command = app.add_subcommand("pack", "Make a labelled image of any folder");
  command
      ->add_option_function<std::string>(
          "--format",
          [&image](const std::string& name) { image.format = parse_image_format(name); },
          image_formats())
      ->required()
      ->option_text("FORMAT");
  command->add_option("--root", pack.root, "the folder that becomes the image's root")
      ->required()
      ->option_text("DIR");
  command->add_option("--file-contexts", pack.file_contexts, "the rules that give the labels")
      ->required()
      ->option_text("FILE");
  command->add_option("--output", pack.output, "the image to write, whole or not at all")
      ->required()
      ->option_text("IMAGE");
  CLI::Option* project_store = command->add_flag(
      "--project-store", pack.project_store,
      "label /nix/store/HASH-NAME/... by its place in the FHS (default: by its path)");
  command
      ->add_option("--label-rules", pack.label_rules,
                   "rules that label packages of the store, or say where they are seen")
      ->option_text("FILE")
      ->needs(project_store);
  command->add_option("--policy", pack.policy, "a compiled policy that must know each context")
      ->option_text("policy.N");
  add_image_options(*command, image);
  command
      ->add_option("--block-size", image.block_size,
                   "bytes of a data block: a power of two from 4096 to 1048576 (default 131072)")
      ->option_text("N");
  command->add_option("--label", image.volume_name, "the file system's own name")
      ->option_text("NAME");
  command->add_option("--jobs", image.jobs, "how many cores to use (default: all)")
      ->option_text("N");
  command
      ->add_option("--report", options->report,
                   "write there what the image is made of, times and rates (JSON)")
      ->option_text("FILE");
  command->add_flag("--quiet", options->quiet, "no progress");
  command->footer(
      "Modes, owners, times and xattrs of the folder are kept; its security.selinux is not: "
      "labels\n"
      "come from FILE and its .homedirs, .local, .subs and .subs_dist, which libselinux reads "
      "too.\n"
      "Every path must have a rule. SOURCE_DATE_EPOCH is the time of the image itself.\n\n"
      "Examples:\n"
      "  intaglio pack --format squashfs --root rootfs --output root.squashfs \\\n"
      "      --file-contexts /etc/selinux/default/contexts/files/file_contexts\n"
      "  intaglio pack --format squashfs --root rootfs --project-store --output root.squashfs \\\n"
      "      --file-contexts selinux/default/contexts/files/file_contexts \\\n"
      "      --policy selinux/default/policy/policy.33 --compression xz --block-size 1048576");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      options->pack.image.image_mtime = io.source_date_epoch;
      TerminalReporter reporter(io, options->quiet);
      // Begun first: whether it can be written does not show after a run alone.
      std::optional<imagefmt::OutputFile> report;
      if (!options->report.empty()) report.emplace(options->report);
      const PackResult result = builder::pack(options->pack, reporter);
      if (report) {
        const std::string text = serialize_report(reporter, {result.sizes, {}, {}});
        report->file().write(0, imagefmt::as_bytes(text));
        report->commit();
      }
      if (!options->quiet) io.err << sizes_summary(result.sizes);
      io.out << fmt::format("{}: {} inodes, {} contexts, {}\n", options->pack.output, result.inodes,
                            result.contexts, format_amount(result.sizes.image_bytes, "bytes"));
      return 0;
    };
  });
}

}  // namespace builder
