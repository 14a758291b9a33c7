// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/image.h"
#include "imagefmt/dump.h"

namespace builder {

void add_inspect_command(CLI::App& app, Run& chosen) {
  auto image = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Print a line for each inode name of an image, from its bytes alone");
  command->add_option("IMAGE", *image, "the image")->required();
  command->footer(
      "A line: path, type (f d l c b p s), mode, uid, gid, size, label, and a symlink's target,\n"
      "separated by tabs and sorted by path; bytes that do not print stand as \\ooo.\n\n"
      "Examples:\n"
      "  intaglio inspect out/root.squashfs | grep sshd_exec_t\n"
      "  intaglio inspect out/root.squashfs | cut -f7 | sort | uniq -c");
  command->callback([image, &chosen] {
    chosen = [image](Io& io) {
      for (const std::string& line : imagefmt::dump(read_image(*image))) io.out << line << '\n';
      return 0;
    };
  });
}

}  // namespace builder
