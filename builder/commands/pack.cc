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

namespace {

/// What the image is made of.
void add_input_options(CLI::App& command, PackOptions& pack) {
  CLI::Option* root =
      command.add_option("--root", pack.root, "the folder that becomes the image's root");
  root->option_text("DIR");
  CLI::Option* tar =
      command.add_option("--tar", pack.tar,
                         "a tar archive in the place of a folder, compressed or not; '-': from "
                         "standard input");
  tar->option_text("FILE")->excludes(root);
  CLI::Option* list = command.add_flag_callback(
      "--stdin", [&pack] { pack.list_end = '\n'; },
      "of DIR only the paths on standard input, one a line, and the folders above them");
  list->needs(root);
  // Declared after it, and so called after it.
  command
      .add_flag_callback(
          "-0,--null", [&pack] { pack.list_end = '\0'; },
          "a NUL ends each of these paths, not a line")
      ->needs(list);
  command.parse_complete_callback([root, tar] {
    if (!*root && !*tar) throw CLI::RequiredError("--root or --tar");
  });
}

/// What of it is left out, and whose it is. Rules of the first three stand in one order, which only
/// the command as a whole has: rules_in_order() tells.
void add_rule_options(CLI::App& command, PackOptions& pack) {
  auto add = [&](const char* name, const char* description, const char* text) {
    command
        .add_option_function<std::vector<std::string>>(
            name, [](const std::vector<std::string>&) {}, description)
        ->allow_extra_args(false)
        ->option_text(text);
  };
  add("--exclude", "leave out what matches, and with a folder all that is in it", "PATTERN ...");
  add("--include", "take what matches although an --exclude before this one matches it",
      "PATTERN ...");
  add("--exclude-from", "a file of such patterns, one a line; '!' before one to include it",
      "FILE ...");
  command
      .add_option("--owner", pack.owners,
                  "uid, gid and octal mode for what matches; an empty one is kept as it is")
      ->allow_extra_args(false)
      ->option_text("PATTERN=uid:gid:mode ...");
}

std::vector<PathRule> rules_in_order(const CLI::App& command) {
  const std::pair<const CLI::Option*, PathRule::Kind> kinds[] = {
      {command.get_option("--exclude"), PathRule::Kind::kExclude},
      {command.get_option("--include"), PathRule::Kind::kInclude},
      {command.get_option("--exclude-from"), PathRule::Kind::kExcludeFrom}};
  size_t next[std::size(kinds)] = {};
  std::vector<PathRule> rules;
  for (const CLI::Option* option : command.parse_order()) {
    for (size_t i = 0; i < std::size(kinds); ++i) {
      if (kinds[i].first == option) {
        rules.push_back({kinds[i].second, option->results()[next[i]++]});
      }
    }
  }
  return rules;
}

constexpr const char* kFooter =
    R"(Modes, owners, times and xattrs of the folder or archive are kept; its security.selinux is not:
labels come from the FILE of --file-contexts and its .homedirs, .local, .subs and .subs_dist,
which libselinux reads too. Every path must have a rule. SOURCE_DATE_EPOCH is the time of the image
itself, and of folders that an archive does not name.

Beside IMAGE goes IMAGE.index, by which a later run takes it for its --reference: files of which
device, inode, size and times are the same are copied from it.

Archives: pax, GNU, ustar and old tar, as they are or with gzip, bzip2, xz, lzma, lzip, zstd, lz4 or
compress. Owners are the numbers in it, those of ACLs too. Hard links, in
folders as in archives, become files of their own that share their data.

A path of --stdin brings itself and the folders above it, not what is in it: as cpio, for `find`.

Patterns: '*' and '?' stand for bytes of one name, '**' for any, '**/' for any folders or none,
'[a-z]' and '[!a-z]' for a byte; '\' takes the meaning of the next. With '/' first a pattern speaks
of a whole path, else of a path's end; with '/' last it matches folders alone. Of all --exclude,
--include and --exclude-from that match a path the last one holds, and of all --owner for each of the
three; what none matches is taken. What is in a folder that is left out cannot be included. A file is
stored uncompressed if one --uncompressed matches it.

Examples:
  intaglio pack --format squashfs --root rootfs --output root.squashfs \
      --file-contexts /etc/selinux/default/contexts/files/file_contexts
  intaglio pack --format squashfs --root rootfs --project-store --output root.squashfs \
      --file-contexts selinux/default/contexts/files/file_contexts \
      --policy selinux/default/policy/policy.33 --compression xz --block-size 1048576
  podman export container | intaglio pack --format erofs --tar - --output root.erofs \
      --file-contexts file_contexts --exclude '/proc/**' --exclude '/sys/**' --exclude '*.pyc'
  cd rootfs && find . -newer /stamp -print0 | intaglio pack --format ext4 --root . --stdin -0 \
      --output /tmp/new.ext4 --file-contexts /tmp/file_contexts
  intaglio pack --format ext4 --root rootfs --output root.ext4 --file-contexts file_contexts \
      --exclude '/*' --include /etc --include /usr --owner '**=0:0:' --owner '/etc/shadow=::0600')";

}  // namespace

void add_pack_command(CLI::App& app, Run& chosen) {
  struct Options {
    PackOptions pack;
    std::string report;
    bool quiet = false;
  };
  auto options = std::make_shared<Options>();
  PackOptions& pack = options->pack;
  ImageOptions& image = pack.image;
  CLI::App* command =
      app.add_subcommand("pack", "Make a labelled image of any folder or tar archive");
  command
      ->add_option_function<std::string>(
          "--format",
          [&image](const std::string& name) { image.format = parse_image_format(name); },
          image_formats())
      ->required()
      ->option_text("FORMAT");
  add_input_options(*command, pack);
  add_rule_options(*command, pack);
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
  command->footer(kFooter);
  command->callback([options, command, &chosen] {
    options->pack.rules = rules_in_order(*command);
    chosen = [options](Io& io) {
      options->pack.image.image_mtime = io.source_date_epoch;
      TerminalReporter reporter(io, options->quiet);
      // Begun first: whether it can be written does not show after a run alone.
      std::optional<imagefmt::OutputFile> report;
      if (!options->report.empty()) report.emplace(options->report);
      std::string sizes, line;
      builder::pack(options->pack, io.in, reporter, [&](const PackResult& result) {
        if (report) {
          const std::string text = serialize_report(reporter, {result.sizes, {}, {}});
          report->file().write(0, imagefmt::as_bytes(text));
        }
        if (!options->quiet) sizes = sizes_summary(result.sizes);
        line = fmt::format("{}: {} inodes, {} contexts, {}\n", options->pack.output, result.inodes,
                           result.contexts, format_image_size(result.sizes));
      });
      if (report) report->commit();
      io.err << sizes;
      io.out << line;
      return 0;
    };
  });
}

}  // namespace builder
