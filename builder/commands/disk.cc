// SPDX-License-Identifier: Apache-2.0
#include "builder/disk.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
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
};

/// The output's own boot files, or, for another board, such as are made now, beside the disk: those are
/// `artifacts` then.
std::vector<DiskFile> find_files(const OutputTarget& target, const ManifestSummary& manifest,
                                 const Board& board, const std::string& folder, Reporter& reporter,
                                 std::vector<Artifact>& artifacts) {
  std::vector<DiskFile> files;
  auto add = [&files](const std::string& kind, const std::string& path) {
    files.push_back({kind, Content::from_host_file(path)});
  };
  if (is_as_built(target, manifest, board)) {
    for (const auto& [kind, name] : manifest.files) add(kind, target.folder + '/' + name);
    return files;
  }
  add("root", target.folder + '/' + manifest.root_image());
  const std::vector<BootFile> made = make_boot_files(target, manifest, board);
  write_boot_files(made, folder, reporter);
  for (const BootFile& file : made) {
    add(file.kind, folder + '/' + file.name);
    artifacts.push_back(make_artifact(folder, file.name, file.kind));
  }
  return files;
}

void disk(const Options& options, Io& io) {
  const ManifestSummary manifest = read_manifest(options.target.folder);
  const Board board = board_of(options.target, manifest);
  OutputFolder folder(options.output);
  TerminalReporter reporter(io, true);  // warnings alone
  Manifest made;                        // by which the disk is a part for `join`
  const DiskInputs inputs{
      find_files(options.target, manifest, board, folder.partial(), reporter, made.artifacts),
      manifest.cmdline, manifest.toplevel, options.target.boot};
  File disk = File::create(folder.partial() + "/disk.img");
  write_board_disk(board, inputs, disk, reporter);
  io.out << fmt::format("disk.img: {} bytes\n", disk.size_bytes());
  made.board = board.name;
  made.boot = to_text(board.boot_kind);
  made.toplevel = manifest.toplevel;
  made.artifacts.push_back(make_artifact(folder.partial(), "disk.img", "disk"));
  std::ranges::sort(made.artifacts, {}, &Artifact::name);
  write_file(manifest_file(folder.partial()), serialize_manifest(made));
  folder.commit();
}

}  // namespace

void add_disk_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("disk", "Make the disk of a build, and for another board its boot files");
  add_output_options(*command, options->target);
  add_disk_options(*command, options->target.boot);
  command->add_option("--output", options->output, "the folder to make, whole or not at all")
      ->required()
      ->option_text("DIR");
  command->footer(
      "Examples:\n"
      "  intaglio disk out --disk-size 8000000000 --output large\n"
      "  intaglio disk out --board uefi-x86_64 --efi-stub linuxx64.efi.stub --output generic");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      options->target.mtime = io.source_date_epoch;
      disk(*options, io);
      return 0;
    };
  });
}

}  // namespace builder
