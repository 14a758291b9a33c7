// SPDX-License-Identifier: Apache-2.0
//
// What a board's loader takes, made of a kernel, an initrd and a command line.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/board.h"
#include "builder/input_file.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/content.h"

namespace builder {

/// What the user says of how a board boots. Files are the host's; empty: not given.
struct BootOptions {
  std::optional<BootKind> kind;  // one of the board's; none: its first
  std::string firmware;          // what the disk holds at the board's disk.firmware_offset
  std::string keyblock;          // of a signed kernel partition: vboot's .keyblock
  std::string signing_key;       // and the .vbprivk that signs for it
  std::string efi_stub;          // systemd's, that a unified kernel image begins with
  std::string systemd_boot;      // the boot loader
  uint64_t disk_bytes = 0;       // of the whole disk; 0: as large as its partitions need
};

struct BootParts {
  InputFile kernel;  // as it was built
  InputFile initrd;
  std::string command_line;
  InputFolder device_trees;  // a kernel's dtbs; empty: there are none
  InputFolder efi_programs;  // systemd's lib/systemd/boot/efi; empty: not known
  BootOptions options;
  // What file systems and the names in menus are made of.
  std::string toplevel;                     // of the system; ids derive from it
  std::string kernel_release;               // as uname -r prints it
  std::function<std::string()> os_release;  // the text of the system's os-release(5)
  int64_t mtime = 1;                        // of files
};

struct BootFile {
  std::string name;  // in an output folder: boot.img, uki.efi, esp.img …
  std::string kind;  // of the artifact: the name up to its dot
  uint64_t size_bytes = 0;
  /// Writes all of it, to a file that is empty.
  std::function<void(imagefmt::File& out, imagefmt::Reporter& reporter)> write;
};
/// One whose bytes are known.
BootFile make_boot_file(std::string name, std::string kind, imagefmt::Content content);

/// The kernel as an output has it: in the form that the board takes if it is given it as a file, else as it
/// was built. Throws, naming the board, that it is of another form.
imagefmt::Content make_kernel(const Board& board, const BootParts& parts);

/// Every file that the board boots from by its boot kind; none if it takes kernel and initrd as they
/// are. Throws, naming the board, all that its loader could not take: a device tree that is not there, a
/// command line or an image that is too large, parts that would be loaded over each other.
std::vector<BootFile> make_boot_files(const Board& board, const BootParts& parts);

/// Each by its name.
void write_boot_files(const std::vector<BootFile>& files, const std::string& folder,
                      imagefmt::Reporter& reporter);

}  // namespace builder
