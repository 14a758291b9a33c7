// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/board.h"
#include "builder/commands/commands.h"
#include "builder/manifest.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

std::vector<std::string> qemu_command(const std::string& output) {
  const ManifestSummary manifest = read_manifest(output);
  const Board board = find_board(manifest.board);
  if (board.qemu_command.empty()) {
    throw imagefmt::Error(
        fmt::format("cannot run board '{}': QEMU has no such machine", board.name));
  }
  std::vector<std::string> command = board.qemu_command;
  std::string cmdline = imagefmt::read_file(output + "/cmdline", 1 << 16);
  while (cmdline.ends_with('\n')) cmdline.pop_back();
  // QEMU reads a comma in a value as the end of it unless it is doubled.
  std::string image;
  for (char c : output + '/' + manifest.root_image()) {
    image += c;
    if (c == ',') image += c;
  }
  for (std::string argument :
       {std::string("-kernel"), output + "/kernel", std::string("-initrd"), output + "/initrd",
        std::string("-append"), cmdline, std::string("-drive"),
        // What a guest writes goes with it: the output folder stays what its manifest says.
        fmt::format("file={},if=virtio,format=raw,{}=on", image,
                    manifest.writes_root ? "snapshot" : "readonly")}) {
    command.push_back(std::move(argument));
  }
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
  struct Options {
    std::string output;
    bool print = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("run", "Boot an output folder of `build` in QEMU");
  command->add_option("OUTPUT", options->output, "the output folder")->required();
  command->add_flag("--print", options->print,
                    "print the command, an argument a line; run nothing");
  command->footer(
      "The serial console is the terminal; Ctrl-A X ends QEMU.\n\n"
      "Example:\n"
      "  intaglio run out");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      const std::vector<std::string> arguments = qemu_command(options->output);
      if (!options->print) return execute(arguments);
      for (const std::string& argument : arguments) io.out << argument << '\n';
      return 0;
    };
  });
}

}  // namespace builder
