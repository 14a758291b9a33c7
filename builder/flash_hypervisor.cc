// SPDX-License-Identifier: Apache-2.0
#include "builder/flash_hypervisor.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "imagefmt/base/error.h"

namespace builder {

namespace {

/// As much as QEMU's machines get.
constexpr int kMemoryMib = 1536;

}  // namespace

FlashStep start_hypervisor(const Board& board, const std::string& kernel, const std::string& initrd,
                           const std::string& root, const std::string& command_line,
                           const std::string& folder) {
  FlashStep step;
  if (!board.qemu_command.empty()) {
    step.command = {"intaglio", "run", folder};
  } else if (board.soc == "chv") {
    step.command = {"cloud-hypervisor",
                    "--memory",
                    fmt::format("size={}M", kMemoryMib),
                    "--kernel",
                    kernel,
                    "--initramfs",
                    initrd,
                    "--cmdline",
                    command_line,
                    "--disk",
                    fmt::format("path={},readonly=on", root),
                    "--console",
                    "off",
                    "--serial",
                    "tty"};
  } else if (board.soc == "fc") {
    const nlohmann::ordered_json config = {
        {"boot-source",
         {{"kernel_image_path", kernel}, {"initrd_path", initrd}, {"boot_args", command_line}}},
        {"drives",
         {{{"drive_id", "root"},
           {"path_on_host", root},
           {"is_root_device", false},  // the command line says which
           {"is_read_only", true}}}},
        {"machine-config", {{"vcpu_count", 1}, {"mem_size_mib", kMemoryMib}}}};
    step.file = FlashFile{
        "firecracker.json",
        config.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n'};
    step.command = {"firecracker", "--no-api", "--config-file", step.file->name};
  } else {
    throw imagefmt::Error(fmt::format("no way is known to start the hypervisor '{}'", board.soc));
  }
  return step;
}

}  // namespace builder
