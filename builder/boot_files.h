// SPDX-License-Identifier: Apache-2.0
//
// What a board's loader takes, made of a kernel, an initrd and a command line.
#pragma once

#include <string>
#include <vector>

#include "builder/board.h"

namespace builder {

/// Files and a folder of the host.
struct BootParts {
  std::string kernel;  // as it was built
  std::string initrd;
  std::string command_line;  // itself, no file
  std::string device_trees;  // a kernel's dtbs; empty: there are none
};

struct BootFile {
  std::string name;  // in an output folder: boot.img, vendor_boot.img, vbmeta.img
  std::string kind;  // of the artifact: boot, vendor_boot, vbmeta
  std::string bytes;
};

/// Every file that the board boots from, in the order of its boot kinds; none for those that take kernel
/// and initrd as they are. Throws, naming the board, all that its loader could not take: a device tree
/// that is not there, a command line or an image that is too large, parts that would be loaded over each
/// other.
std::vector<BootFile> make_boot_files(const Board& board, const BootParts& parts);

}  // namespace builder
