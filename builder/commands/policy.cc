// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/options.h"
#include "builder/policy_options.h"
#include "builder/terminal.h"
#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"
#include "policy/compiled_folder.h"

namespace builder {

void add_policy_commands(CLI::App& app, Run& chosen) {
  struct Options {
    PolicyOptions policy;
    std::string output;
    unsigned jobs = 0;
    bool quiet = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* policy = app.add_subcommand("policy", "Compile policies, and ask them");
  policy->require_subcommand(1);
  add_policy_info_command(*policy, chosen);
  add_policy_search_command(*policy, chosen);
  CLI::App* compile =
      policy->add_subcommand("compile", "Compile policy modules to one policy.N and its contexts");
  add_policy_options(*compile, options->policy);
  compile->add_option("--output", options->output, "the folder to write")
      ->required()
      ->option_text("DIR");
  compile->add_option("--jobs", options->jobs, "how many cores to use (default: all)")
      ->option_text("N");
  compile->add_flag("--quiet", options->quiet, "no progress");
  compile->footer(
      "Writes what belongs into /etc/selinux: DIR/config, DIR/NAME/policy/policy.N,\n"
      "DIR/NAME/contexts and DIR/NAME/seusers. Home directories are expanded for root alone;\n"
      "`build --compiled-policy DIR` expands them for the image's users, from homedir_template "
      "and\n"
      "users_extra in DIR/NAME, and makes the image that it would make of the modules.\n\n"
      "Examples:\n"
      "  intaglio policy compile --policy /usr/share/selinux/default --kernel-version 6.1 \\\n"
      "      --output selinux\n"
      "  intaglio policy compile --policy modules --policy-version 33 --boolean "
      "httpd_enable_cgi=off \\\n"
      "      --output selinux");
  compile->callback([options, &chosen] {
    chosen = [options](Io& io) {
      if (!options->policy.kernel && !options->policy.version) {
        throw imagefmt::UsageError(
            "policy compile: --kernel-version or --policy-version is required");
      }
      TerminalReporter reporter(io, options->quiet);
      imagefmt::OutputFolder output(options->output);
      NamedPolicy compiled = compile_policy(options->policy, std::nullopt, options->jobs, reporter);
      policy::SelinuxFolder folder = make_selinux_folder(
          compiled, policy::SelinuxMode::kEnforcing, policy::accounts_without_image(), reporter);
      policy::add_home_templates(folder.tree, compiled.name, compiled.compiled);
      imagefmt::write_folder(folder.tree, output.partial());
      output.commit();
      io.out << fmt::format("{}: policy version {}, {} bytes\n", options->output,
                            compiled.compiled.version, compiled.compiled.binary.size());
      return 0;
    };
  });
}

}  // namespace builder
