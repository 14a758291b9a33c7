// SPDX-License-Identifier: Apache-2.0
//
// A board: what a device, real or virtual, wants of an image. One TOML file each in boards/, which
// Nix reads with builtins.fromTOML. `extends = "<board>"` starts from another board: its tables are
// merged with this one's, its lists and other values replaced; name is never inherited.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/embedded.h"

namespace builder {

enum class Arch { kX86_64, kAarch64 };
enum class BootKind { kDirect };  // kernel and initrd are given to the machine's loader as files
enum class RootFormat { kSquashfs, kExt4, kErofs };

/// As boards and the command line spell them.
std::string_view to_text(Arch arch);
std::string_view to_text(BootKind kind);
std::string_view to_text(RootFormat format);
/// The part of a Nix system (`x86_64-linux`) that names the processor is spelled as boards do it.
bool is_arch_of(Arch arch, std::string_view nix_system);

struct Board {
  std::string name;
  std::string description;
  Arch arch = Arch::kX86_64;
  BootKind boot_kind = BootKind::kDirect;
  std::vector<std::string> cmdline;  // without root=, rootfstype= and init=, which the build sets
  RootFormat root_format = RootFormat::kSquashfs;
  std::string root_device;  // as root= takes it: /dev/…, PARTUUID=…, PARTLABEL=…, UUID=…, LABEL=…
  /// How QEMU is started for it, up to the arguments that name the image; empty if it cannot be.
  std::vector<std::string> qemu_command;

  friend bool operator==(const Board&, const Board&) = default;
};

/// The boards in the executable, `<name>.toml` each (made by CMake from boards/).
std::span<const imagefmt::EmbeddedFile> embedded_boards();

/// Reads one board; `extends` names one of `bases`. `file` stands in messages: `<file>:<line>: …`.
/// All independent mistakes are thrown as one Error.
Board parse_board(std::string_view text, std::string_view file,
                  std::span<const imagefmt::EmbeddedFile> bases);

/// The board of that name, or, if `name_or_file` ends in `.toml`, of that file of the host. Throws
/// `unknown board '…', expected …` with the names of all.
Board find_board(const std::string& name_or_file);

/// All boards in the executable, sorted by name.
std::vector<Board> all_boards();

/// The whole definition, with what `extends` brought, as TOML that parse_board reads back.
std::string serialize_board(const Board& board);

}  // namespace builder
