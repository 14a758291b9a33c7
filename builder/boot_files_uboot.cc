// SPDX-License-Identifier: Apache-2.0
//
// Boot partitions, from which U-Boot and lk2nd load kernel, initrd and device tree as extlinux.conf or a
// script says (U-Boot's doc/README.pxe; lk2nd's Documentation/boot.md).
#include <algorithm>

#include "builder/boot_writers.h"
#include "builder/kernel_params.h"
#include "imagefmt/base/file.h"
#include "imagefmt/ext2/ext2.h"
#include "imagefmt/ext4/ext4.h"
#include "imagefmt/uboot/script.h"

namespace builder {

using namespace imagefmt;

namespace {

/// What U-Boot holds of a line of a script, and of the command line in extlinux.conf (CONFIG_SYS_CBSIZE as
/// most of its boards have it).
constexpr size_t kMaxLineBytes = 1023;
/// lk2nd looks for extlinux.conf on larger partitions alone.
constexpr uint64_t kLk2ndLeastBytes = 16 << 20;

constexpr std::string_view kKernel = "/kernel", kInitrd = "/initrd", kDeviceTrees = "/dtbs";

void check_length(std::string_view what, std::string_view text, std::string_view reader,
                  size_t most) {
  if (text.size() > most) {
    throw Error(
        fmt::format("{} has {} bytes, {} reads at most {}", what, text.size(), reader, most));
  }
}

/// Of a boot partition, and where in it the loader finds the device tree.
struct Loaded {
  FileTree tree;
  std::string device_tree;  // a path; empty: the loader's own, or one that it chooses
};

/// Whether the loader chooses among all device trees of the board.
bool loader_chooses(const Board& board) {
  return board.dtb_place == DtbPlace::kFolder;
}
bool has_device_trees(const Board& board) {
  return board.dtb_place != DtbPlace::kNone && board.dtb_place != DtbPlace::kFirmware;
}

Loaded load(const Board& board, const BootParts& parts) {
  Loaded loaded;
  auto add = [&](const std::string& path, Content content) {
    const uint64_t size = content.size_bytes();
    loaded.tree.insert(path, make_regular(std::move(content)));
    return size;
  };
  uint64_t size = add(std::string(kKernel), Content::from_bytes(kernel_for(board, parts))) +
                  add(std::string(kInitrd), parts.initrd.content());
  std::vector<DeviceTree> device_trees;
  if (loader_chooses(board)) {
    device_trees = device_trees_for(board, parts);
  } else if (has_device_trees(board)) {
    device_trees = {
        {board.device_trees.empty() ? "" : board.device_trees[0], device_tree_for(board, parts)}};
  }
  uint64_t largest = 0;
  for (DeviceTree& device_tree : device_trees) {
    loaded.device_tree = fmt::format("{}/{}.dtb", kDeviceTrees, device_tree.name);
    largest = std::max(largest,
                       add(loaded.device_tree, Content::from_bytes(std::move(device_tree.bytes))));
  }
  if (loader_chooses(board)) loaded.device_tree.clear();
  size += largest;
  check_size(board, "kernel, initrd and device tree have", size);
  return loaded;
}

template <class Options>
Options options_of(const BootParts& parts) {
  Options options;
  options.volume_name = "boot";
  options.identity = parts.toplevel;
  options.image_mtime = parts.mtime;
  return options;
}

/// U-Boot reads ext4 as our writer makes it, lk2nd nothing newer than ext2.
BootFile make_boot_partition(const Board& board, FileTree tree, const BootParts& parts) {
  if (board.loader == Loader::kLk2nd) {
    auto options = options_of<Ext2Options>(parts);
    options.min_size_bytes = kLk2ndLeastBytes + 1;
    return make_file_system<planned_ext2_size, write_ext2>("bootfs.img", "bootfs", std::move(tree),
                                                           parts, options);
  }
  return make_file_system<planned_ext4_size, write_ext4>("bootfs.img", "bootfs", std::move(tree),
                                                         parts, options_of<Ext4Options>(parts));
}

std::string extlinux_conf(const Board& board, const BootParts& parts, const Loaded& loaded) {
  std::string text =
      fmt::format("default system\nlabel system\n  kernel {}\n  initrd {}\n  append {}\n", kKernel,
                  kInitrd, parts.command_line);
  if (loader_chooses(board)) text += fmt::format("  fdtdir {}\n", kDeviceTrees);
  if (!loaded.device_tree.empty()) text += fmt::format("  fdt {}\n", loaded.device_tree);
  return text;
}

/// Sets the command line, which may be longer than a line, parameter by parameter.
std::string bootargs_script(const std::string& command_line) {
  std::string text;
  auto add = [&](const std::string& word) {
    if (word.find('\'') != std::string::npos) {
      throw Error(
          fmt::format("a script cannot hold the kernel parameter \"{}\", with its '", word));
    }
    const std::string line =
        fmt::format("setenv bootargs {}'{}'\n", text.empty() ? "" : "\"${bootargs}\" ", word);
    check_length(fmt::format("the script's line for '{:.40}'", word), line, "U-Boot",
                 kMaxLineBytes);
    text += line;
  };
  const KernelParams params = parse_kernel_params(command_line);
  for (const KernelParam& param : params.params) add(param.text);
  if (!params.init_arguments.empty()) add("-- " + params.init_arguments);
  return text;
}

std::string script_text(const BootParts& parts, const Loaded& loaded) {
  std::string text = bootargs_script(parts.command_line);
  auto load = [&](std::string_view address, std::string_view path) {
    text += fmt::format("load ${{devtype}} ${{devnum}}:${{distro_bootpart}} ${{{}}} {}\n", address,
                        path);
  };
  load("kernel_addr_r", kKernel);
  std::string_view device_tree = "fdtcontroladdr";  // U-Boot's own
  if (!loaded.device_tree.empty()) {
    device_tree = "fdt_addr_r";
    load(device_tree, loaded.device_tree);
  }
  // Last, since its size is wanted.
  load("ramdisk_addr_r", kInitrd);
  text += fmt::format("booti ${{kernel_addr_r}} ${{ramdisk_addr_r}}:${{filesize}} ${{{}}}\n",
                      device_tree);
  return text;
}

void add_boot_partition(const Board& board, const BootParts& parts, std::vector<BootFile>& files,
                        std::string_view path, const std::string& text, Loaded loaded) {
  loaded.tree.insert(path, make_regular(Content::from_bytes(text)));
  files.push_back(make_boot_partition(board, std::move(loaded.tree), parts));
}

}  // namespace

void add_extlinux(const Board& board, const BootParts& parts, std::vector<BootFile>& files) {
  check_command_line(board, parts);
  if (board.loader == Loader::kUBoot) {
    check_length("the command line", parts.command_line, "U-Boot", kMaxLineBytes);
  }
  Loaded loaded = load(board, parts);
  const std::string text = extlinux_conf(board, parts, loaded);
  add_boot_partition(board, parts, files, "/extlinux/extlinux.conf", text, std::move(loaded));
}

void add_boot_script(const Board& board, const BootParts& parts, std::vector<BootFile>& files) {
  check_command_line(board, parts);
  Loaded loaded = load(board, parts);
  const std::string script =
      uboot::serialize_script({.text = script_text(parts, loaded), .time = time_for(parts)});
  add_boot_partition(board, parts, files, "/boot.scr", script, std::move(loaded));
}

}  // namespace builder
