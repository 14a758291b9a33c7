// SPDX-License-Identifier: Apache-2.0
#include "builder/denials.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <istream>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/terminal.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

struct Options {
  SystemOptions system;
  std::string log, image;
  bool json = false, quiet = false;
};

std::string read_stream(std::istream& in) {
  std::string text;
  char buffer[65536];
  while (in.read(buffer, sizeof buffer), in.gcount() > 0) {
    text.append(buffer, static_cast<size_t>(in.gcount()));
    if (text.size() > policy::kMaxAuditLogBytes) {
      throw imagefmt::Error(fmt::format("cannot read standard input: larger than {} bytes",
                                        policy::kMaxAuditLogBytes));
    }
  }
  return text;
}

int run_denials(Options& options, Io& io) {
  options.system.source_date_epoch = io.source_date_epoch;
  const bool piped = options.log == "-";
  const std::string text =
      piped ? read_stream(io.in) : imagefmt::read_file(options.log, policy::kMaxAuditLogBytes);
  const std::string name = piped ? "standard input" : options.log;
  const policy::AuditLog log = imagefmt::with_context(
      fmt::format("cannot read '{}'", name), [&] { return policy::parse_audit_log(text); });
  TerminalReporter reporter(io, options.quiet);
  const policy::DenialReport report = judge_denials(log, options.system, options.image, reporter);
  if (options.json) {
    io.out << serialize_denials(report);
    return 0;
  }
  if (log.messages.empty() && log.errors.empty() && log.damaged_lines.empty()) {
    io.out << fmt::format("{}: {} lines, no message of SELinux\n", name, log.lines);
  }
  io.out << format_denials(report);
  return 0;
}

}  // namespace

void add_denials_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "denials", "Say of each denial in a log what caused it and what would mend it");
  command
      ->add_option("LOG", options->log,
                   "an audit log, a kernel log or what a serial console said; - for standard input")
      ->required();
  add_system_options(*command, options->system);
  command->add_option("--image", options->image, "the root image that ran, for its inode numbers")
      ->option_text("IMAGE");
  command->add_flag("--json", options->json, "print JSON");
  command->add_flag("--quiet", options->quiet, "no progress");
  command->footer(
      "The options are those that the image was built with. Repeated denials are one; each has "
      "its\n"
      "cause: a wrong label, a program that no label puts into a domain, a boolean, a constraint, "
      "or\n"
      "a rule that the policy lacks, with the narrowest rule and the neverallow rules that forbid "
      "it.\n"
      "What ends the text is a module of all those rules.\n\n"
      "Examples:\n"
      "  intaglio denials serial.log --closure closure --policy /usr/share/selinux/default \\\n"
      "      --image out/root.squashfs\n"
      "  ssh device dmesg | intaglio denials - --closure closure --policy modules --json");
  command->callback(
      [options, &chosen] { chosen = [options](Io& io) { return run_denials(*options, io); }; });
}

}  // namespace builder
