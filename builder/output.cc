// SPDX-License-Identifier: Apache-2.0
#include "builder/output.h"

#include "builder/image.h"
#include "builder/links.h"
#include "imagefmt/base/file.h"

namespace builder {

Board board_of(const ManifestSummary& manifest, const std::string& board,
               std::optional<BootKind> kind) {
  if (!board.empty()) return with_boot_kind(find_board(board), kind);
  return with_boot_kind(find_board(manifest.board), kind ? kind : manifest.boot);
}

BootParts parts_of_output(const std::string& folder, const ManifestSummary& manifest) {
  BootParts parts;
  parts.kernel = folder + "/kernel";
  parts.initrd = folder + "/initrd";
  parts.command_line = imagefmt::read_file(folder + "/cmdline", 1 << 16);
  while (parts.command_line.ends_with('\n')) parts.command_line.pop_back();
  parts.toplevel = manifest.toplevel;
  parts.kernel_release = manifest.kernel_version;
  parts.os_release = [image = folder + '/' + manifest.root_image()] {
    return read_text_at(read_image(image), "/etc/os-release");
  };
  return parts;
}

}  // namespace builder
