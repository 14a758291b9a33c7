// SPDX-License-Identifier: Apache-2.0
#include "builder/boot_part.h"

#include "builder/disk.h"
#include "builder/lsm.h"
#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"

namespace builder {

BootPart make_boot_part(const Board& board, const BootPartInput& input,
                        const SystemOptions& options, imagefmt::Reporter& reporter) {
  const CommandLine command_line = make_command_line(
      {.board_params = kernel_params_of(board),
       .closure_params = input.kernel_params,
       .root = root_device_of(board, input.toplevel),
       .root_filesystem = std::string(to_text(options.format.value_or(board.root_format))),
       .read_only = options.read_only,
       .init = input.init,
       .architecture = std::string(to_text(board.arch)),
       .lsm = {policy::parse_kernel_version(input.kernel.release), options.mode}});
  for (const std::string& warning : command_line.warnings) reporter.warn(warning);
  BootPart part;
  part.initrd = input.kernel.initrd;
  part.command_line = command_line.text;
  part.kernel_config_fragment =
      check_kernel_config(input.kernel, options, board, part.command_line, reporter);
  const BootParts parts{.kernel = input.kernel_file,
                        .initrd = part.initrd,
                        .command_line = part.command_line,
                        .device_trees = input.device_trees,
                        .efi_programs = input.efi_programs,
                        .options = options.boot,
                        .toplevel = input.toplevel,
                        .kernel_release = input.kernel.release,
                        .os_release = input.os_release,
                        .mtime = options.source_date_epoch};
  part.kernel = make_kernel(board, parts);
  part.files = make_boot_files(board, parts);
  return part;
}

void write_boot_part(const BootPart& part, const std::string& folder,
                     imagefmt::Reporter& reporter) {
  imagefmt::FileTree copied;
  copied.insert("/kernel", imagefmt::make_regular(part.kernel));
  copied.insert("/initrd", imagefmt::make_regular(part.initrd.content()));
  imagefmt::write_folder(copied, folder);
  imagefmt::write_file(folder + "/cmdline", part.command_line + '\n');
  imagefmt::write_file(folder + "/kernel-config.fragment", part.kernel_config_fragment);
  write_boot_files(part.files, folder, reporter);
}

std::vector<Artifact> list_boot_artifacts(const BootPart& part, const std::string& folder) {
  std::vector<Artifact> artifacts = {
      make_artifact(folder, "cmdline", "cmdline"), make_artifact(folder, "initrd", "initrd"),
      make_artifact(folder, "kernel", "kernel"),
      make_artifact(folder, "kernel-config.fragment", "kernel-config")};
  for (const BootFile& file : part.files) {
    artifacts.push_back(make_artifact(folder, file.name, file.kind));
  }
  return artifacts;
}

}  // namespace builder
