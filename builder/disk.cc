// SPDX-License-Identifier: Apache-2.0
#include "builder/disk.h"

#include <algorithm>

#include "builder/board_words.h"
#include "builder/kernel_params.h"

namespace builder {

using namespace imagefmt;

namespace {

/// Of the Discoverable Partitions Specification (UAPI.2).
constexpr std::string_view kEfiSystem = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
constexpr std::string_view kLinuxData = "0fc63daf-8483-4772-8e79-3d69d8477de4";
constexpr std::string_view kChromeOsKernel = "fe3a2a5d-4f32-41a7-b725-accc3285a309";
constexpr std::string_view kRootX86_64 = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";
constexpr std::string_view kRootAarch64 = "b921b045-1df0-41c3-af44-4c6f280d3fae";

constexpr std::string_view kRoot = "root";  // the artifact's kind

/// Where an artifact that a loader reads lies on the disk.
struct Place {
  std::string_view kind;  // of the artifact
  std::string_view name;  // of the partition
  std::string_view type;
  uint64_t attributes;
};
/// What Chromebooks go by: the partition of the highest priority that has booted or may try to.
constexpr uint64_t kernel_attributes(uint64_t priority, uint64_t tries, bool has_booted) {
  return priority << 48 | tries << 52 | uint64_t{has_booted} << 56;
}
/// In the order of the disk; the root follows.
constexpr Place kPlaces[] = {
    {"esp", "ESP", kEfiSystem, 0},
    {"bootfs", "boot", kLinuxData, gpt::kLegacyBootable},
    {"kpart", "KERNEL-A", kChromeOsKernel, kernel_attributes(10, 5, true)},
};

/// 0 if the board does not say it.
uint64_t sectors_to_bytes(const Board& board, std::optional<uint64_t> sectors) {
  return checked_mul(sectors.value_or(0), board.disk.sector_bytes, "the disk's size");
}

Guid derive_guid(const std::string& toplevel, std::string_view purpose) {
  return make_guid(sha256(fmt::format("intaglio disk\n{}\n{}", toplevel, purpose)));
}

const DiskFile* find_file(const std::vector<DiskFile>& files, std::string_view kind) {
  const auto file = std::ranges::find(files, kind, &DiskFile::kind);
  return file == files.end() ? nullptr : &*file;
}

}  // namespace

std::optional<Guid> check_root_argument(const Board& board, const std::string& command_line) {
  constexpr std::string_view kById = "PARTUUID=", kByName = "PARTLABEL=";
  const std::vector<std::string> roots =
      kernel_param_values(parse_kernel_params(command_line), "root");
  if (roots.empty()) return std::nullopt;
  const std::string& root = roots.back();
  if (root.starts_with(kById)) return parse_guid(std::string_view(root).substr(kById.size()));
  const bool is_other = root.starts_with(kByName)
                            ? root.substr(kByName.size()) != board.root_partition
                            : root.starts_with("/dev/") && root != board.root_device;
  if (is_other) {
    throw Error(fmt::format("its root is partition '{}', and the command line has root={}",
                            board.root_partition, root));
  }
  return std::nullopt;
}

namespace {

std::vector<Partition> partitions_of(const Board& board, const DiskInputs& inputs) {
  std::vector<Partition> partitions;
  for (const Place& place : kPlaces) {
    const DiskFile* file = find_file(inputs.files, place.kind);
    if (!file) continue;
    partitions.push_back({.name = std::string(place.name),
                          .type = parse_guid(place.type),
                          .id = derive_guid(inputs.toplevel, place.kind),
                          .attributes = place.attributes,
                          .content = file->content,
                          .size_bytes = kernel_partition_bytes(board)});
  }
  if (partitions.empty()) {
    throw Error(fmt::format("nothing that it boots from has a partition: its boot kind is '{}'",
                            to_text(board.boot_kind)));
  }
  const DiskFile* root = find_file(inputs.files, kRoot);
  if (!root) throw Error("there is no root image");
  const std::optional<Guid> id = check_root_argument(board, inputs.command_line);
  partitions.push_back(
      {.name = board.root_partition,
       .type = parse_guid(board.arch == Arch::kX86_64 ? kRootX86_64 : kRootAarch64),
       .id = id.value_or(derive_guid(inputs.toplevel, kRoot)),
       .content = root->content});
  return partitions;
}

DiskOptions options_of(const Board& board, const DiskInputs& inputs) {
  if (board.disk.table != PartitionTable::kGpt) {
    throw Error(fmt::format("it has a partition table of kind '{}', and gpt alone is written",
                            spell(board.disk.table)));
  }
  DiskOptions options;
  options.sector_bytes = board.disk.sector_bytes;
  options.id = derive_guid(inputs.toplevel, "disk");
  options.size_bytes = inputs.options.disk_bytes;
  options.first_offset_bytes = sectors_to_bytes(board, board.disk.first_sector);
  if (inputs.options.firmware.empty()) return options;
  if (!board.disk.firmware_offset) {
    throw Error(fmt::format("it has no place for firmware such as '{}'", inputs.options.firmware));
  }
  options.raw_areas = {{board.disk.firmware.empty() ? "firmware" : board.disk.firmware,
                        *board.disk.firmware_offset,
                        Content::from_host_file(inputs.options.firmware)}};
  return options;
}

/// Calls `act(partitions, options)`.
template <class Act>
auto with_disk(const Board& board, const DiskInputs& inputs, const Act& act) {
  return with_context(fmt::format("cannot make the disk of board '{}'", board.name),
                      [&] { return act(partitions_of(board, inputs), options_of(board, inputs)); });
}

}  // namespace

uint64_t kernel_partition_bytes(const Board& board) {
  return sectors_to_bytes(board, board.disk.kernel_sectors);
}

std::string root_device_of(const Board& board, const std::string& toplevel) {
  if (board.root_device != kDerivedPartUuid) return board.root_device;
  return fmt::format("PARTUUID={}", imagefmt::to_text(derive_guid(toplevel, kRoot)));
}

Content planned_content(uint64_t size_bytes) {
  return Content::from_source(nullptr, size_bytes);
}

bool has_disk(const Board& board, const std::vector<BootFile>& boot_files) {
  auto is_wanted = [](FlashMethod method) {
    return method == FlashMethod::kDisk || method == FlashMethod::kHypervisor;
  };
  auto has_place = [](const BootFile& file) {
    return std::ranges::find(kPlaces, file.kind, &Place::kind) != std::end(kPlaces);
  };
  return std::ranges::any_of(board.flash.methods, is_wanted) &&
         std::ranges::any_of(boot_files, has_place);
}

uint64_t planned_board_disk_size(const Board& board, const DiskInputs& inputs) {
  return with_disk(board, inputs, [](const auto& partitions, const DiskOptions& options) {
    return planned_disk_size(partitions, options);
  });
}

void write_board_disk(const Board& board, const DiskInputs& inputs, File& out, Reporter& reporter) {
  if (board.disk.firmware_offset && inputs.options.firmware.empty()) {
    reporter.warn(
        fmt::format("the disk of board '{}' has no firmware: --firmware names what belongs at byte "
                    "{}, unless the device has it elsewhere",
                    board.name, *board.disk.firmware_offset));
  }
  with_disk(board, inputs, [&](const auto& partitions, const DiskOptions& options) {
    write_disk(partitions, options, out, reporter);
  });
}

}  // namespace builder
