// SPDX-License-Identifier: Apache-2.0
#include "builder/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

namespace {

void print_error(std::ostream& err, std::string_view message) {
  for (size_t start = 0; start <= message.size();) {
    size_t end = std::min(message.find('\n', start), message.size());
    err << "intaglio: " << escape_controls(message.substr(start, end - start)) << '\n';
    start = end + 1;
  }
  err.flush();
}

/// Prints help, or what is wrong with the command line, and returns the exit status.
int end_parsing(const CLI::App& app, const CLI::ParseError& error, Io& io) {
  if (error.get_exit_code() == 0) return app.exit(error, io.out, io.err);
  std::string command = "intaglio";
  for (std::vector<CLI::App*> named = app.get_subcommands(); !named.empty();
       named = named[0]->get_subcommands()) {
    command += ' ' + named[0]->get_name();
  }
  print_error(io.err, error.what());
  print_error(io.err, fmt::format("'{} --help' lists what there is", command));
  return 2;
}

}  // namespace

int run(const std::vector<std::string>& args, Io& io) {
  CLI::App app("Builds sealed appliance images from NixOS closures, SELinux labels engraved.",
               "intaglio");
  app.set_version_flag("--version", "intaglio " INTAGLIO_VERSION);
  app.require_subcommand(1);
  Run chosen;
  add_build_command(app, chosen);
  add_run_command(app, chosen);
  add_pack_command(app, chosen);
  add_policy_commands(app, chosen);
  add_contexts_commands(app, chosen);
  add_inspect_command(app, chosen);
  add_labels_command(app, chosen);
  add_diff_command(app, chosen);
  add_verify_command(app, chosen);
  add_explain_command(app, chosen);
  add_denials_command(app, chosen);
  add_boards_command(app, chosen);
  add_kernel_config_commands(app, chosen);
  add_boot_command(app, chosen);
  add_join_command(app, chosen);
  add_disk_command(app, chosen);
  add_mkbootimg_command(app, chosen);
  add_unpack_bootimg_command(app, chosen);
  add_sparse_command(app, chosen);
  add_flash_plan_command(app, chosen);
  try {
    std::vector<std::string> spelled = spell_out_search_flags(args);
    std::ranges::reverse(spelled);  // CLI11 takes them from the back
    app.parse(std::move(spelled));
  } catch (const CLI::ParseError& error) {
    return end_parsing(app, error, io);
  } catch (const imagefmt::Error& error) {  // of an option's value
    print_error(io.err, error.what());
    return 2;
  }
  try {
    const int status = chosen(io);
    io.out.flush();
    if (!io.out) throw imagefmt::Error("cannot write the result: standard output failed");
    return status;
  } catch (const imagefmt::UsageError& error) {
    print_error(io.err, error.what());
    return 2;
  } catch (const imagefmt::Error& error) {
    print_error(io.err, error.what());
  }
  return 1;
}

}  // namespace builder
