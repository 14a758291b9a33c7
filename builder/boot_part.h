// SPDX-License-Identifier: Apache-2.0
//
// The part of an output folder that is made for a board: kernel, initrd, command line and what its loader
// takes. The other part is the root image, which depends on no board.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/boot_files.h"
#include "builder/kernel_preflight.h"
#include "builder/manifest.h"
#include "builder/system_options.h"

namespace builder {

struct BootPartInput {
  JudgedKernel kernel;
  InputFile kernel_file;
  InputFolder device_trees;    // empty: there are none
  InputFolder efi_programs;    // systemd's lib/systemd/boot/efi; empty: not known
  std::string kernel_params;   // the system's own, as one line; the board's come before them
  std::string init = "/init";  // as `init=` has it
  std::string toplevel;        // a store path; empty if nothing that the board boots from names it
  /// The text of /etc/os-release, for what shows it. Empty: there is none.
  std::function<std::string()> os_release;
};

struct BootPart {
  imagefmt::Content kernel;  // as make_kernel() makes it
  InputFile initrd;          // empty: there is no part
  std::string command_line;
  std::string kernel_config_fragment;  // what the board and the image ask of the kernel
  std::vector<BootFile> files;         // as the board's loader takes them
};

/// Of `options`, what says how the root is made and the kernel judged counts. Throws what is wrong with
/// the command line, the kernel's configuration and the boot files.
BootPart make_boot_part(const Board& board, const BootPartInput& input,
                        const SystemOptions& options, imagefmt::Reporter& reporter);

/// Each file of the part, below `folder`.
void write_boot_part(const BootPart& part, const std::string& folder, imagefmt::Reporter& reporter);
std::vector<Artifact> list_boot_artifacts(const BootPart& part, const std::string& folder);

}  // namespace builder
