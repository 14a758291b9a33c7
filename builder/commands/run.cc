// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "builder/board.h"
#include "builder/commands/commands.h"
#include "builder/output.h"
#include "builder/text.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

/// U-Boot takes the place of UEFI firmware in a machine that QEMU emulates.
bool boots_by_u_boot(const Board& board) {
  return board.boot_kind == BootKind::kExtlinux || board.boot_kind == BootKind::kBootScript;
}

/// Where distributions and NixOS put what boots a disk in QEMU, the usual one first.
std::vector<std::string> usual_firmware(const Board& board) {
  if (boots_by_u_boot(board)) {
    return {fmt::format("/usr/lib/u-boot/qemu_{}/u-boot.bin",
                        board.arch == Arch::kX86_64 ? "x86_64" : "arm64")};
  }
  if (board.arch == Arch::kX86_64) {
    return {"/usr/share/OVMF/OVMF_CODE_4M.fd",
            "/usr/share/OVMF/OVMF_CODE.fd",
            "/usr/share/edk2/ovmf/OVMF_CODE.fd",
            "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
            "/usr/share/qemu/edk2-x86_64-code.fd",
            "/run/current-system/sw/share/qemu/edk2-x86_64-code.fd"};
  }
  return {"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw",
          "/usr/share/edk2/aarch64/QEMU_CODE.fd", "/usr/share/qemu/edk2-aarch64-code.fd",
          "/run/current-system/sw/share/qemu/edk2-aarch64-code.fd"};
}

std::string find_firmware(const Board& board) {
  const std::vector<std::string> usual = usual_firmware(board);
  std::error_code ignored;  // what cannot be looked at is not there
  for (const std::string& file : usual) {
    if (std::filesystem::exists(file, ignored)) return file;
  }
  throw imagefmt::Error(fmt::format(
      "cannot run board '{}': it needs {}, which --firmware names; there is none of {}", board.name,
      boots_by_u_boot(board) ? "U-Boot" : "UEFI firmware", one_of(usual, "and")));
}

/// The value of QEMU's option -drive. It reads a comma in a value as the end of it unless it is doubled.
std::string drive(const std::string& file, std::string_view options) {
  std::string doubled;
  for (char c : file) doubled.append(c == ',' ? 2 : 1, c);
  return fmt::format("file={},format=raw,{}", doubled, options);
}

struct Options {
  OutputTarget target;
  std::string firmware;
  bool print = false;
};

std::vector<std::string> qemu_command(const Options& options) {
  const std::string& output = options.target.folder;
  const ManifestSummary manifest = read_manifest(output);
  const Board board = board_of(options.target, manifest);
  require_own_board(board, output, manifest, "run");
  if (board.qemu_command.empty()) {
    throw imagefmt::Error(
        fmt::format("cannot run board '{}': QEMU has no such machine", board.name));
  }
  std::vector<std::string> command = board.qemu_command;
  auto add = [&](std::vector<std::string> arguments) {
    command.insert(command.end(), arguments.begin(), arguments.end());
  };
  // What a guest writes goes with it: the output folder stays what its manifest says.
  if (const auto disk = manifest.files.find("disk"); disk != manifest.files.end()) {
    const std::string file = options.firmware.empty() ? find_firmware(board) : options.firmware;
    if (boots_by_u_boot(board)) {
      add({"-bios", file});
    } else {
      add({"-drive", drive(file, "if=pflash,readonly=on")});
    }
    add({"-drive", drive(output + '/' + disk->second, board.qemu_drive + ",snapshot=on")});
    return command;
  }
  std::string cmdline = read_command_line(output);
  for (const std::string& parameter : board.qemu_cmdline) cmdline += ' ' + parameter;
  add({"-kernel", output + "/kernel", "-initrd", output + "/initrd", "-append", cmdline, "-drive",
       drive(output + '/' + manifest.root_image(),
             board.qemu_drive + (manifest.writes_root ? ",snapshot=on" : ",readonly=on"))});
  return command;
}

/// Its exit status; QEMU has the terminal meanwhile.
int execute(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  // main() blocks signals to wait for them; QEMU gets them as ever.
  posix_spawnattr_t attributes;
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attributes, &none);
  pid_t child = 0;
  int failure = posix_spawnp(&child, arguments[0], nullptr, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failure) imagefmt::throw_errno(fmt::format("run '{}'", command[0]), failure);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) imagefmt::throw_errno(fmt::format("wait for '{}'", command[0]));
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw imagefmt::Error(fmt::format("'{}' failed with {} {}", command[0],
                                      WIFEXITED(status) ? "status" : "signal",
                                      WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status)));
  }
  return 0;
}

}  // namespace

void add_run_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Boot an output folder of `build` in QEMU");
  command->add_option("OUTPUT", options->target.folder, "the output folder")->required();
  command
      ->add_option("--board", options->target.board,
                   "the .toml file of the board that OUTPUT was built for, if it is an own one")
      ->option_text("FILE");
  command
      ->add_option("--firmware", options->firmware,
                   "what boots disk.img: UEFI firmware or U-Boot (default: the usual one)")
      ->option_text("FILE");
  command->add_flag("--print", options->print,
                    "print the command, an argument a line; run nothing");
  command->footer(
      "The serial console is the terminal; Ctrl-A X ends QEMU.\n\n"
      "Example:\n"
      "  intaglio run out");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      const std::vector<std::string> arguments = qemu_command(*options);
      if (!options->print) return execute(arguments);
      for (const std::string& argument : arguments) io.out << argument << '\n';
      return 0;
    };
  });
}

}  // namespace builder
