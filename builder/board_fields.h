// SPDX-License-Identifier: Apache-2.0
//
// The keys of a board, in the order of a definition: the one list that reading, writing and checking
// boards go by.
#pragma once

#include <limits>

#include "builder/board_words.h"
#include "builder/kernel_requirements.h"

namespace builder {

enum class Need { kRequired, kOptional };

/// Throws what is wrong with a value.
using Check = void (*)(const std::string&);
void check_kernel_param(const std::string& param);
void check_root_device(const std::string& device);
inline void check_nothing(const std::string&) {}

constexpr uint64_t kNoLimit = std::numeric_limits<int64_t>::max();  // of TOML's integers

/// Calls `fields` for each key that a board may have; if `for_this_board`, for those alone that have a
/// meaning for what `board` is by the keys before them. name and extends are not among them. `Fields` has
///   text(key, std::string&, Need, check = check_nothing)
///   list(key, std::vector<std::string>&, Need, check = check_nothing)
///   word(key, what, Enum&, Need), words(key, what, std::vector<Enum>&)
///   number(key, unsigned integer&, Need, most), number(key, std::optional of one&, most)
///   flag(key, bool&)
template <class Fields>
void visit_fields(Fields& fields, Board& board, bool for_this_board) {
  fields.text("description", board.description, Need::kRequired);
  fields.word("arch", "arch", board.arch, Need::kRequired);
  fields.text("soc", board.soc, Need::kOptional);
  fields.list("source", board.source, Need::kOptional);

  fields.word("boot.kind", "boot kind", board.boot_kind, Need::kRequired);
  fields.words("boot.also", "boot kind", board.also_boots);
  fields.word("boot.loader", "loader", board.loader, Need::kOptional);
  fields.word("boot.device_tree", "place of a device tree", board.dtb_place, Need::kOptional);
  fields.number("boot.max_bytes", board.max_boot_bytes, kNoLimit);

  AndroidBoot& android = board.android;
  if (!for_this_board || boots_by(board, BootKind::kAndroid)) {
    BootAddresses& addresses = android.addresses;
    fields.number("android.header_version", android.header_version, Need::kRequired, 4);
    fields.number("android.page_size", android.page_size, Need::kRequired, 16384);
    fields.number("android.base", addresses.base, Need::kRequired, UINT32_MAX);
    fields.number("android.kernel_offset", addresses.kernel_offset, Need::kRequired, UINT32_MAX);
    fields.number("android.ramdisk_offset", addresses.ramdisk_offset, Need::kRequired, UINT32_MAX);
    if (!for_this_board || android.header_version <= 2) {
      fields.number("android.second_offset", addresses.second_offset, Need::kRequired, UINT32_MAX);
    }
    fields.number("android.tags_offset", addresses.tags_offset, Need::kRequired, UINT32_MAX);
    if (!for_this_board || android.header_version >= 2) {
      fields.number("android.dtb_offset", addresses.dtb_offset, Need::kRequired, kNoLimit);
    }
    fields.number("android.vbmeta_flags", android.vbmeta_flags, 3);
  }

  fields.word("kernel.image", "kernel image", board.kernel_image, Need::kOptional);
  fields.list("kernel.device_trees", board.device_trees, Need::kOptional);
  fields.text("kernel.console", board.console, Need::kOptional);
  fields.list("kernel.cmdline", board.cmdline, Need::kRequired, check_kernel_param);
  fields.list("kernel.requires", board.kernel_requires, Need::kOptional, check_requirement_group);

  fields.word("root.format", "root format", board.root_format, Need::kRequired);
  fields.text("root.device", board.root_device, Need::kRequired, check_root_device);
  fields.text("root.partition", board.root_partition, Need::kOptional);

  Disk& disk = board.disk;
  fields.number("disk.sector_bytes", disk.sector_bytes, Need::kOptional, 4096);
  fields.word("disk.table", "partition table", disk.table, Need::kOptional);
  fields.text("disk.firmware", disk.firmware, Need::kOptional);
  fields.number("disk.firmware_offset", disk.firmware_offset, kNoLimit);
  fields.number("disk.first_sector", disk.first_sector, kNoLimit);
  fields.number("disk.kernel_sectors", disk.kernel_sectors, kNoLimit);

  Flash& flash = board.flash;
  fields.words("flash.methods", "flash method", flash.methods);
  fields.list("flash.partitions", flash.partitions, Need::kOptional);
  fields.flag("flash.sparse", flash.sparse);
  fields.word("flash.slots", "slots", flash.slots, Need::kOptional);

  fields.list("qemu.command", board.qemu_command, Need::kOptional);
  if (!for_this_board || !board.qemu_command.empty()) {
    fields.text("qemu.drive", board.qemu_drive, Need::kOptional);
    fields.list("qemu.cmdline", board.qemu_cmdline, Need::kOptional, check_kernel_param);
  }
}

/// Of visit_fields, with name and extends where they stand in a definition.
const std::vector<std::string_view>& board_keys();

}  // namespace builder
