// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/build.h"
#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/labels_report.h"
#include "builder/terminal.h"

namespace builder {

void add_labels_command(CLI::App& app, Run& chosen) {
  struct Options {
    SystemOptions system;
    bool json = false, quiet = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "labels", "Print how a policy labels a system, and the domain of each unit; builds nothing");
  add_system_options(*command, options->system);
  command->add_flag("--json", options->json, "print it as JSON, with every path and rule");
  command->add_flag("--quiet", options->quiet, "no progress");
  command->footer(
      "Prints sections under '# ' headings; below them, fields separated by tabs:\n"
      "  inodes by label; by rule, with where it was written; those that only a catch-all rule\n"
      "  speaks of, by store path; rules that decide nothing, by module; and for each unit's\n"
      "  programs a line: unit, key (ExecStart ...), program, label, domain, remarks. Programs "
      "that\n"
      "  stay in systemd's own domain, in initrc_t or in unconfined_* stand apart, as do those\n"
      "  whose domain cannot be told. A user's units are named user/UNIT.\n"
      "A catch-all is a rule that fits any name in a place of the FHS, as /usr/.* does, or\n"
      "/usr/(.*/)?lib(/.*)?.\n"
      "\n"
      "JSON, in this order; null where there is nothing, names as 'inspect' escapes them:\n"
      "  toplevel, inodes, by_label {LABEL: inodes},\n"
      "  by_rule [{pattern, type, label, place, origins [{module, file, line}], catch_all,\n"
      "    inodes}], by_label_rule [{rule, place, inodes}],\n"
      "  caught_by_catch_all [{path, pattern}],\n"
      "  idle_rules [{module, rules [{pattern, type, label, place, origins}]}],\n"
      "  systemd {file, label, domain},\n"
      "  units [{name, manager (system, user), file, drop_ins, aliases, selinux_context,\n"
      "    no_new_privileges, commands [{key, program, file, interpreter, label, domain,\n"
      "    standing (confined, unconfined, unknown), starts, held_from, missing, note}]}]\n"
      "\n"
      "Examples:\n"
      "  intaglio labels --closure closure --policy /usr/share/selinux/default | grep nginx\n"
      "  intaglio labels --closure closure --policy modules --json |\n"
      "      jq '.units[] | select(any(.commands[]; .standing == \"unconfined\")) | .name'");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      TerminalReporter reporter(io, options->quiet);
      options->system.source_date_epoch = io.source_date_epoch;
      const LabelledSystem system = label_system(options->system, reporter);
      LabelsReport report = report_labels(system, reporter);
      find_origins(report, system, options->system, reporter);
      io.out << (options->json ? labels_json_text(report) : labels_text(report));
      return 0;
    };
  });
}

}  // namespace builder
