// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/sparse/sparse.h"

#include <CLI/CLI.hpp>
#include <deque>
#include <memory>
#include <optional>

#include "builder/commands/commands.h"
#include "builder/text.h"

namespace builder {

using namespace imagefmt;

namespace {

struct Options {
  std::vector<std::string> files;  // what to read, and last what to write
  bool reverse = false;
  SparseOptions sparse;
  std::optional<uint64_t> max_size_bytes;
};

/// Of what --reverse makes: a fill of a few bytes may stand for terabytes.
constexpr uint64_t kMaxRawBytes = uint64_t{1} << 40;
/// All are open at once, so that they appear together.
constexpr size_t kMaxPieces = 500;

void fold(const Options& options) {
  const std::string& output = options.files.back();
  const File raw = File::open_for_reading(options.files.front());
  const SparseImage image = plan_sparse(raw, options.sparse);
  std::deque<OutputFile> files;
  if (!options.max_size_bytes) {
    write_sparse(image, raw, files.emplace_back(output).file());
  } else {
    const std::vector<SparseImage> pieces = split_sparse(image, *options.max_size_bytes);
    if (pieces.size() > kMaxPieces) {
      throw Error(
          fmt::format("cannot split '{}': {} sparse images of at most {} bytes, expected at "
                      "most {}",
                      raw.name(), pieces.size(), *options.max_size_bytes, kMaxPieces));
    }
    for (size_t i = 0; i < pieces.size(); ++i) {
      write_sparse(pieces[i], raw, files.emplace_back(fmt::format("{}.{}", output, i)).file());
    }
  }
  for (OutputFile& file : files) file.commit();
}

void unfold(const Options& options) {
  std::deque<File> files;
  std::vector<SparsePiece> pieces;
  for (size_t i = 0; i + 1 < options.files.size(); ++i) {
    const File& file = files.emplace_back(File::open_for_reading(options.files[i]));
    pieces.push_back({&file, read_sparse(file)});
  }
  OutputFile output(options.files.back());
  unfold_sparse(pieces, output.file(), kMaxRawBytes);
  output.commit();
}

}  // namespace

void add_sparse_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "sparse", "Make an Android sparse image of a raw one, as fastboot takes it, or the reverse");
  command->add_option("FILES", options->files, "the image to read, and the one to write")
      ->required()
      ->expected(2, 1000)
      ->option_text("IN OUT");
  CLI::Option* reverse = command->add_flag(
      "--reverse", options->reverse,
      "make a raw image of sparse ones: IN may be several, which make up one together");
  command
      ->add_option_function<std::string>(
          "--max-size",
          [options](const std::string& text) {
            options->max_size_bytes = parse_number(text, "--max-size", UINT64_MAX);
          },
          "write OUT.0, OUT.1 ... of at most so many bytes each: fastboot's max-download-size")
      ->option_text("BYTES")
      ->excludes(reverse);
  command
      ->add_option_function<std::string>(
          "--block-size",
          [options](const std::string& text) {
            options->sparse.block_size =
                static_cast<uint32_t>(parse_number(text, "--block-size", UINT32_MAX));
          },
          "bytes of a block, a multiple of 4 (default 4096)")
      ->option_text("N")
      ->excludes(reverse);
  command
      ->add_flag_callback(
          "--skip-zeros", [options] { options->sparse.zero_blocks = ZeroBlocks::kDontCare; },
          "do not write blocks that are zero: only for an erased partition that reads as zeros")
      ->excludes(reverse);
  command->footer(
      "Examples:\n"
      "  intaglio sparse out/root.ext4 root.simg\n"
      "  intaglio sparse out/root.ext4 root.simg --max-size 268435456\n"
      "  intaglio sparse --reverse root.simg.0 root.simg.1 root.ext4");
  command->callback([options, &chosen] {
    chosen = [options](Io&) {
      if (!options->reverse && options->files.size() != 2) {
        throw UsageError("several images to read are for --reverse");
      }
      options->reverse ? unfold(*options) : fold(*options);
      return 0;
    };
  });
}

}  // namespace builder
