// SPDX-License-Identifier: Apache-2.0
//
// A board: what a device, real or virtual, wants of an image. One TOML file each in boards/, which
// Nix reads with builtins.fromTOML; boards/README.md documents the keys. `extends = "<board>"` starts
// from another board or a family (boards/families/): its tables are merged with this one's, its lists
// and other values replaced; name is never inherited.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builder/boot_addresses.h"
#include "imagefmt/base/embedded.h"

namespace builder {

enum class Arch { kX86_64, kAarch64 };

/// What loads the kernel, and in what it finds it.
enum class BootKind {
  kDirect,       // kernel and initrd are given to the machine's loader as files
  kAndroid,      // Android boot images, in partitions of their own
  kExtlinux,     // extlinux.conf on a boot partition
  kBootScript,   // U-Boot's boot.scr on a boot partition
  kDepthcharge,  // a signed kernel partition
  kUki,          // one EFI program on the EFI system partition
  kBls,          // systemd-boot and its entries there
};
/// The loader itself, where it is not the device's own firmware.
enum class Loader { kFirmware, kLk2nd, kUBoot };
/// How the kernel is given to the loader.
enum class KernelImage { kAsBuilt, kBzImage, kImage, kImageGz, kVmlinux };
/// Where the loader finds the device tree.
enum class DtbPlace {
  kNone,
  kAppended,           // to the kernel
  kHeader,             // the part that the boot image's header names
  kHeaderAndAppended,  // both, as loaders differ
  kVendorBoot,
  kFile,      // on the boot partition, by its name
  kFolder,    // all of them on the boot partition; the loader chooses
  kFit,       // in the FIT image, chosen by compatible
  kUki,       // in the EFI program
  kFirmware,  // made by the machine
};
enum class RootFormat { kSquashfs, kExt4, kErofs };
enum class PartitionTable { kGpt, kMsdos };
/// How an image gets to the device.
enum class FlashMethod { kFastboot, kFastbootOfLk2nd, kLk2nd, kHeimdall, kDisk, kUuu, kHypervisor };
enum class Slots { kUnknown, kNone, kAb, kKernelPartitions, kStock };

/// As boards and the command line spell them.
std::string_view to_text(Arch arch);
std::string_view to_text(BootKind kind);
/// Throws `unknown boot kind '…', expected …`.
BootKind parse_boot_kind(std::string_view word);
std::string_view to_text(RootFormat format);
/// The part of a Nix system (`x86_64-linux`) that names the processor is spelled as boards do it.
bool is_arch_of(Arch arch, std::string_view nix_system);

/// Of boot kind android.
struct AndroidBoot {
  uint32_t header_version = 0;
  uint32_t page_size = 0;
  BootAddresses addresses;
  std::optional<uint32_t> vbmeta_flags;  // of the vbmeta image to flash; none: it has none

  friend bool operator==(const AndroidBoot&, const AndroidBoot&) = default;
};

struct Disk {
  uint32_t sector_bytes = 512;
  PartitionTable table = PartitionTable::kGpt;
  /// What the user gives, such as U-Boot, and where on the disk it belongs.
  std::string firmware;
  std::optional<uint64_t> firmware_offset;  // bytes
  std::optional<uint64_t> first_sector;     // of the first partition
  std::optional<uint64_t> kernel_sectors;   // of the partition that the kernel is in

  friend bool operator==(const Disk&, const Disk&) = default;
};

struct Flash {
  std::vector<FlashMethod> methods;     // the first is the usual one
  std::vector<std::string> partitions;  // that are written, in this order
  bool sparse = false;                  // the root is sent as Android sparse images
  Slots slots = Slots::kUnknown;

  friend bool operator==(const Flash&, const Flash&) = default;
};

struct Board {
  std::string name;
  std::string description;
  Arch arch = Arch::kX86_64;
  std::string soc;                  // may be empty
  std::vector<std::string> source;  // where the numbers are from
  BootKind boot_kind = BootKind::kDirect;
  std::vector<BootKind> also_boots;  // other ways, that it boots as well
  Loader loader = Loader::kFirmware;
  DtbPlace dtb_place = DtbPlace::kNone;
  std::optional<uint64_t>
      max_boot_bytes;  // of what the loader loads: partition or firmware's limit
  AndroidBoot android;
  KernelImage kernel_image = KernelImage::kAsBuilt;
  std::vector<std::string> device_trees;  // below the kernel's dtbs, without .dtb; may hold '*'
  std::string console;                    // as console= takes it; may be empty
  std::vector<std::string> cmdline;  // without root=, rootfstype= and init=, which the build sets
  std::vector<std::string> kernel_requires;  // groups of kernel-configs/ beyond those for any board
  RootFormat root_format = RootFormat::kSquashfs;
  /// As root= takes it: /dev/…, PARTUUID=…, PARTLABEL=…, UUID=…, LABEL=…; or kDerivedPartUuid.
  std::string root_device;
  std::string root_partition;  // its name; empty: a disk of its own
  Disk disk;
  Flash flash;
  /// How QEMU is started for it, up to the arguments that name the image; empty if it cannot be.
  std::vector<std::string> qemu_command;
  std::string qemu_drive = "if=virtio";   // of -drive: how the machine has the root
  std::vector<std::string> qemu_cmdline;  // besides the image's own: what the emulation needs

  friend bool operator==(const Board&, const Board&) = default;
};

/// The `root.device` of boards whose root is found by the GUID that its partition is given.
constexpr std::string_view kDerivedPartUuid = "PARTUUID";

/// Whether `kind` is one of the ways that the board boots.
bool boots_by(const Board& board, BootKind kind);

/// The board with `kind` as its boot kind; without one, as it is. A root that has a disk of its own where
/// kernel and initrd are given as files is a partition where they are read from a disk. Throws `board '…'
/// does not boot by '…', expected …`.
Board with_boot_kind(Board board, std::optional<BootKind> kind);

/// What the board wants on the command line: its console, and the rest.
std::vector<std::string> kernel_params_of(const Board& board);

/// The boards in the executable, `<name>.toml` each (made by CMake from boards/), and what they extend
/// that is no board itself.
std::span<const imagefmt::EmbeddedFile> embedded_boards();
std::span<const imagefmt::EmbeddedFile> embedded_board_families();

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
