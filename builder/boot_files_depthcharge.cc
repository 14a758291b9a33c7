// SPDX-License-Identifier: Apache-2.0
//
// Kernel partitions of Chromebooks, signed by the user's keys.
#include "builder/boot_writers.h"
#include "builder/gzip.h"
#include "imagefmt/base/file.h"
#include "imagefmt/depthcharge/kernel_partition.h"
#include "imagefmt/uboot/fit.h"

namespace builder {

using namespace imagefmt;

namespace {

constexpr uint64_t kMaxKeyBytes = 64 << 10;

depthcharge::SigningKeys read_keys(const BootOptions& options) {
  if (options.keyblock.empty() || options.signing_key.empty()) {
    throw Error(
        "its kernel partition is signed: --keyblock and --signing-key must name a .keyblock and "
        "its .vbprivk");
  }
  return {read_file(options.keyblock, kMaxKeyBytes), read_file(options.signing_key, kMaxKeyBytes)};
}

/// For ARM: of the device trees the firmware takes the one whose `compatible` is its own. It unpacks
/// kernels by LZMA and LZ4; the former makes the smaller ones, and the room is small.
std::string make_fit(const Board& board, const BootParts& parts) {
  uboot::Fit fit;
  fit.description = "kernel, initrd and device trees";
  fit.time = time_for(parts);
  fit.images = {{.name = "kernel-1",
                 .description = "kernel",
                 .type = "kernel_noload",
                 .arch = "arm64",
                 .os = "linux",
                 .compression = "lzma",
                 .data = lzma(as_bytes(kernel_for(board, parts)))},
                {.name = "ramdisk-1",
                 .description = "initrd",
                 .type = "ramdisk",
                 .arch = "arm64",
                 .os = "linux",
                 .data = parts.initrd.read()}};
  for (DeviceTree& device_tree : device_trees_for(board, parts)) {
    const size_t number = fit.configurations.size() + 1;
    fit.configurations.push_back(
        {.name = fmt::format("conf-{}", number),
         .kernel = "kernel-1",
         .device_tree = fmt::format("fdt-{}", number),
         .ramdisk = "ramdisk-1",
         .compatible = with_context(fmt::format("'{}.dtb'", device_tree.name), [&] {
           return uboot::compatible_of_device_tree(as_bytes(device_tree.bytes));
         })});
    fit.images.push_back({.name = fit.configurations.back().device_tree,
                          .description = device_tree.name,
                          .type = "flat_dt",
                          .arch = "arm64",
                          .data = std::move(device_tree.bytes)});
  }
  fit.default_configuration = "conf-1";
  return uboot::serialize_fit(fit);
}

depthcharge::Body make_body(const Board& board, const BootParts& parts) {
  if (board.arch == Arch::kX86_64) {
    return depthcharge::split_bzimage(parts.kernel.read(), parts.kernel.name(), parts.initrd.read(),
                                      parts.command_line);
  }
  return {.kernel = make_fit(board, parts), .command_line = parts.command_line};
}

}  // namespace

void add_kernel_partition(const Board& board, const BootParts& parts,
                          std::vector<BootFile>& files) {
  check_command_line(board, parts);
  const depthcharge::SigningKeys keys = read_keys(parts.options);
  files.push_back(make_boot_file(
      "kpart.img", "kpart", Content::from_bytes(with_context("kpart.img", [&] {
        return depthcharge::serialize_kernel_partition(make_body(board, parts), keys);
      }))));
  check_size(board, files.back());
}

}  // namespace builder
