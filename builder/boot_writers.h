// SPDX-License-Identifier: Apache-2.0
//
// How the files of each boot kind are made, a source file a family; for boot_files.cc, whose table has
// them. Each throws what is wrong, without naming the board.
#pragma once

#include <memory>
#include <string_view>

#include "builder/boot_files.h"
#include "imagefmt/tree.h"

namespace builder {

void add_android_images(const Board& board, const BootParts& parts, std::vector<BootFile>& files);
void add_extlinux(const Board& board, const BootParts& parts, std::vector<BootFile>& files);
void add_boot_script(const Board& board, const BootParts& parts, std::vector<BootFile>& files);
void add_kernel_partition(const Board& board, const BootParts& parts, std::vector<BootFile>& files);
void add_uki(const Board& board, const BootParts& parts, std::vector<BootFile>& files);
void add_boot_loader_entries(const Board& board, const BootParts& parts,
                             std::vector<BootFile>& files);

// What they share.

/// Throws `the command line has N bytes, the kernel reads at most M`: it cuts what is longer, whoever
/// hands it over.
void check_command_line(const Board& board, const BootParts& parts);
/// The kernel in the form that the board's loader takes.
std::string kernel_for(const Board& board, const BootParts& parts);
/// The one device tree of a board whose loader does not choose.
std::string device_tree_for(const Board& board, const BootParts& parts);
/// The time of the files, for formats that hold 32 bits of it. Throws if these are too few.
uint32_t time_for(const BootParts& parts);
struct DeviceTree {
  std::string name;  // below the kernel's dtbs, without .dtb
  std::string bytes;
};
/// All that the board's definition names, where the loader chooses; sorted by name, one at least.
std::vector<DeviceTree> device_trees_for(const Board& board, const BootParts& parts);
/// Throws `<subject> N bytes, and the board takes at most M`; `subject` ends in a verb.
void check_size(const Board& board, std::string_view subject, uint64_t size_bytes);
/// The same of a whole file.
void check_size(const Board& board, const BootFile& file);

/// One that is a file system of `tree`, whose nodes get the time of the files.
template <auto planned_size, auto write, class Options>
BootFile make_file_system(std::string name, std::string kind, imagefmt::FileTree tree,
                          const BootParts& parts, const Options& options) {
  walk(tree, [&](const std::string&, imagefmt::Node& node) { node.mtime = parts.mtime; });
  BootFile file{std::move(name), std::move(kind), planned_size(tree, options), {}};
  file.write = [shared = std::make_shared<const imagefmt::FileTree>(std::move(tree)), options](
                   imagefmt::File& out, imagefmt::Reporter& reporter) {
    write(*shared, options, out, reporter);
  };
  return file;
}

}  // namespace builder
