// SPDX-License-Identifier: Apache-2.0
//
// What UEFI firmware starts from the EFI system partition: one program that holds kernel, initrd and
// command line, or systemd-boot with an entry for them (UAPI.1).
#include <algorithm>

#include "builder/boot_writers.h"
#include "builder/disk.h"
#include "builder/text.h"
#include "imagefmt/base/file.h"
#include "imagefmt/fat/fat.h"
#include "imagefmt/tree.h"
#include "imagefmt/uefi/pe.h"
#include "imagefmt/uefi/uki.h"

namespace builder {

using namespace imagefmt;

namespace {

constexpr uint64_t kMaxProgramBytes = 64 << 20;  // of the stub and of systemd-boot

/// What UEFI calls a processor.
struct Machine {
  Arch arch;
  uint16_t number;                   // in executables
  std::string_view lower_case;       // in the names of systemd's programs
  std::string_view default_program;  // in EFI/BOOT: what firmware starts when it is told nothing
};
constexpr Machine kMachines[] = {{Arch::kX86_64, uefi::kMachineX86_64, "x64", "BOOTX64.EFI"},
                                 {Arch::kAarch64, uefi::kMachineAarch64, "aa64", "BOOTAA64.EFI"}};

const Machine& machine_of(const Board& board) {
  return *std::ranges::find(kMachines, board.arch, &Machine::arch);
}

/// A program of systemd: the user's, or the one of the closure.
InputFile find_program(const BootParts& parts, const std::string& given, std::string_view option,
                       const std::string& name) {
  if (!given.empty()) return given;
  if (parts.efi_programs.holds(name)) return parts.efi_programs.file(name);
  throw Error(fmt::format("it needs {} of systemd, which {} names{}", name, option,
                          parts.efi_programs.empty()
                              ? std::string()
                              : fmt::format("; the closure's systemd has none: '{}/{}'",
                                            parts.efi_programs.name(), name)));
}

std::string read_program(const Board& board, const InputFile& file) {
  std::string program = file.read(kMaxProgramBytes);
  const uint16_t machine = uefi::parse_pe(as_bytes(program), file.name()).machine;
  if (machine != machine_of(board).number) {
    throw Error(fmt::format("'{}' is for machine {:#06x}, the board is {} ({:#06x})", file.name(),
                            machine, to_text(board.arch), machine_of(board).number));
  }
  return program;
}

/// The EFI system partition's file system.
BootFile make_esp(const Board& board, FileTree tree, const BootParts& parts) {
  FatOptions options;
  options.sector_bytes = board.disk.sector_bytes;
  options.size_bytes = kernel_partition_bytes(board);
  options.volume_name = "ESP";
  options.identity = parts.toplevel;
  return with_context("esp.img", [&] {
    return make_file_system<planned_fat_size, write_fat>("esp.img", "esp", std::move(tree), parts,
                                                         options);
  });
}

/// The value of a key of os-release(5), without quotes; empty if it has none.
std::string os_release_value(std::string_view text, std::string_view key) {
  LineReader lines(text);
  for (std::string_view line; lines.next(line);) {
    if (!line.starts_with(key) || line.substr(key.size(), 1) != "=") continue;
    line.remove_prefix(key.size() + 1);
    const bool is_quoted =
        line.size() >= 2 && (line[0] == '"' || line[0] == '\'') && line.back() == line[0];
    return std::string(is_quoted ? line.substr(1, line.size() - 2) : line);
  }
  return {};
}

}  // namespace

void add_uki(const Board& board, const BootParts& parts, std::vector<BootFile>& files) {
  check_command_line(board, parts);
  const InputFile stub_file =
      find_program(parts, parts.options.efi_stub, "--efi-stub",
                   fmt::format("linux{}.efi.stub", machine_of(board).lower_case));
  const std::string stub = read_program(board, stub_file), kernel = kernel_for(board, parts),
                    initrd = parts.initrd.read();
  uefi::Uki uki;
  uki.stub = {stub_file.name(), as_bytes(stub)};
  uki.kernel = {parts.kernel.name(), as_bytes(kernel)};
  uki.initrds = {{parts.initrd.name(), as_bytes(initrd)}};
  uki.command_line = parts.command_line;
  uki.os_release = parts.os_release();
  uki.kernel_release = parts.kernel_release;
  std::string device_tree;
  if (!board.device_trees.empty()) {
    device_tree = device_tree_for(board, parts);
    uki.devicetree = {board.device_trees[0], as_bytes(device_tree)};
  }
  const Content program = Content::from_bytes(std::string(as_text(uefi::serialize_uki(uki))));
  files.push_back(make_boot_file("uki.efi", "uki", program));
  check_size(board, files.back());
  FileTree tree;
  tree.insert(fmt::format("/EFI/BOOT/{}", machine_of(board).default_program),
              make_regular(program));
  files.push_back(make_esp(board, std::move(tree), parts));
}

void add_boot_loader_entries(const Board& board, const BootParts& parts,
                             std::vector<BootFile>& files) {
  check_command_line(board, parts);
  const InputFile loader_file =
      find_program(parts, parts.options.systemd_boot, "--systemd-boot",
                   fmt::format("systemd-boot{}.efi", machine_of(board).lower_case));
  std::string kernel = kernel_for(board, parts);
  uefi::parse_pe(as_bytes(kernel), parts.kernel.name());  // the loader starts it as a program
  check_size(board, "the kernel has", kernel.size());
  FileTree tree;
  auto add = [&tree](const std::string& path, Content content) {
    tree.insert(path, make_regular(std::move(content)));
  };
  const std::string os_release = parts.os_release();
  std::string title = os_release_value(os_release, "PRETTY_NAME");
  std::string entry =
      fmt::format("title {}\nversion {}\nlinux /linux\ninitrd /initrd\noptions {}\n",
                  title.empty() ? "Linux" : title, parts.kernel_release, parts.command_line);
  if (!board.device_trees.empty()) {
    add("/devicetree.dtb", Content::from_bytes(device_tree_for(board, parts)));
    entry += "devicetree /devicetree.dtb\n";
  }
  add(fmt::format("/EFI/BOOT/{}", machine_of(board).default_program),
      Content::from_bytes(read_program(board, loader_file)));
  add("/linux", Content::from_bytes(std::move(kernel)));
  add("/initrd", parts.initrd.content());
  add("/loader/loader.conf", Content::from_bytes("default system.conf\ntimeout 0\n"));
  add("/loader/entries/system.conf", Content::from_bytes(std::move(entry)));
  files.push_back(make_esp(board, std::move(tree), parts));
}

}  // namespace builder
