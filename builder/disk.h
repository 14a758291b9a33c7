// SPDX-License-Identifier: Apache-2.0
//
// The disk that a board boots from, written whole: a partition for each artifact of a build that has a
// place on it, and the firmware that the user gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/board.h"
#include "builder/boot_files.h"
#include "imagefmt/base/file.h"
#include "imagefmt/base/reporter.h"
#include "imagefmt/content.h"
#include "imagefmt/gpt/gpt.h"

namespace builder {

/// What `root=` is to be: the board's own, or the PARTUUID of the disk's root partition, which derives
/// from the system.
std::string root_device_of(const Board& board, const std::string& toplevel);

/// The GUID of the root's partition, if the kernel looks for the root by it. Throws that a command line looks
/// for another partition than the board's.
std::optional<imagefmt::Guid> check_root_argument(const Board& board,
                                                  const std::string& command_line);

/// Of the partition that the loader reads; 0: as large as what lies in it.
uint64_t kernel_partition_bytes(const Board& board);

struct DiskFile {
  std::string kind;  // of the artifact
  imagefmt::Content content;
};

/// One that is planned: it has a size, and no bytes that could be read.
imagefmt::Content planned_content(uint64_t size_bytes);

struct DiskInputs {
  std::vector<DiskFile> files;  // in any order; those without a place are left out
  std::string command_line;     // that the kernel boots with
  std::string toplevel;         // of the system; GUIDs derive from it
  BootOptions options;
};

/// Whether the board's disk is ours to make, and something on it boots.
bool has_disk(const Board& board, const std::vector<BootFile>& boot_files);

/// The size that write_board_disk() will give. Throws what it throws before it writes, and reads nothing
/// but the firmware's size.
uint64_t planned_board_disk_size(const Board& board, const DiskInputs& inputs);

/// Boot files first, the root last. Warns of a board whose firmware is not given. Throws, as `cannot make
/// the disk of board '…': …` and before `out` is touched: a partition table that is not written, a
/// command line that looks for the root elsewhere, firmware that the board has no place for, and what
/// imagefmt::write_disk() throws.
void write_board_disk(const Board& board, const DiskInputs& inputs, imagefmt::File& out,
                      imagefmt::Reporter& reporter);

}  // namespace builder
