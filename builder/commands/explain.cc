// SPDX-License-Identifier: Apache-2.0
#include "builder/explain.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/terminal.h"

namespace builder {

void add_explain_command(CLI::App& app, Run& chosen) {
  struct Options {
    ExplainOptions explain;
    bool quiet = false;
  };
  auto options = std::make_shared<Options>();
  ExplainOptions& explain_options = options->explain;
  CLI::App* command = app.add_subcommand(
      "explain", "Say why paths of a system have their labels, and what these let happen");
  command->add_option("PATH", explain_options.paths, "absolute paths of the image")->required();
  add_system_options(*command, explain_options.system);
  CLI::Option* all =
      command->add_flag("--all", explain_options.all, "name every type, and the allow rules");
  command->add_flag("--json", explain_options.json, "all of it as JSON")->excludes(all);
  command->add_flag("--quiet", options->quiet, "no progress");
  command->footer(
      "Prints the label and the rule that gives it, with module, file and line; the rules that\n"
      "match too and why they lost; the domains that executing the file enters, with what is\n"
      "missing for it; and who may read, write and execute it, as the booleans stand. A line of a\n"
      ".pp is one of its file contexts, as semodule_unpackage gives them back. A symlink is\n"
      "explained itself, then what it leads to. Nothing is built.\n"
      "\n"
      "JSON is an array with an object for the path and one for what a symlink leads to. Null "
      "where\n"
      "there is nothing; names as `intaglio inspect` escapes them; in this order:\n"
      "  path, type, mode, target, leads_to, label, reason,\n"
      "  rule {pattern, type, context, place, origins [{module, file, line}]},\n"
      "  label_rule {text, place}, place, other_places, links,\n"
      "  losers [{at, rule, why}], by_init {source, domain, missing [{rule, if}]},\n"
      "  domains [{domain, source (null: asked for), active, if, allows, missing}],\n"
      "  access [{action, class, permissions, types, attributes, others}]\n"
      "Of access, attributes and others together are types.\n"
      "\n"
      "Examples:\n"
      "  intaglio explain /etc/shadow --closure closure --policy /usr/share/selinux/default\n"
      "  intaglio explain /run/current-system/sw/bin/sshd --closure closure --policy modules "
      "--json |\n"
      "      jq -r '.[].losers[] | .rule.pattern + \": \" + .why'");
  command->callback([options, &chosen] {
    chosen = [options](Io& io) {
      options->explain.system.source_date_epoch = io.source_date_epoch;
      TerminalReporter reporter(io, options->quiet);
      io.out << explain(options->explain, reporter);
      return 0;
    };
  });
}

}  // namespace builder
