// SPDX-License-Identifier: Apache-2.0
#include "policy/policy_info.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "imagefmt/base/file.h"

namespace builder {

namespace {

using policy::Component;

struct ComponentOption {
  Component component;
  const char* names;
  const char* limit;
  const char* help;
};

// The names are seinfo's.
constexpr ComponentOption kComponents[] = {
    {Component::kAttributes, "-a,--attribute", "[ATTR]", "type attributes"},
    {Component::kBooleans, "-b,--bool", "[BOOL]", "booleans"},
    {Component::kClasses, "-c,--class", "[CLASS]", "object classes"},
    {Component::kRoles, "-r,--role", "[ROLE]", "roles"},
    {Component::kTypes, "-t,--type", "[TYPE]", "types"},
    {Component::kUsers, "-u,--user", "[USER]", "users"},
    {Component::kCategories, "--category", "[CAT]", "MLS categories"},
    {Component::kCommons, "--common", "[COMMON]", "common permission sets"},
    {Component::kConstraints, "--constrain", "[CLASS]", "constraints"},
    {Component::kDefaults, "--default", "[CLASS]", "default_* rules"},
    {Component::kFsUse, "--fs_use", "[FS_TYPE]", "fs_use statements"},
    {Component::kGenfscon, "--genfscon", "[FS_TYPE]", "genfscon statements"},
    {Component::kIbpkeycon, "--ibpkeycon", "[PKEY[-PKEY]]", "InfiniBand pkey statements"},
    {Component::kIbendportcon, "--ibendportcon", "[NAME]", "InfiniBand end port statements"},
    {Component::kInitialSids, "--initialsid", "[NAME]", "initial SIDs"},
    {Component::kNetifcon, "--netifcon", "[DEVICE]", "netifcon statements"},
    {Component::kNodecon, "--nodecon", "[ADDR]", "nodecon statements"},
    {Component::kPermissiveTypes, "--permissive", "[TYPE]", "permissive types"},
    {Component::kCapabilities, "--polcap", "[NAME]", "policy capabilities"},
    {Component::kPortcon, "--portcon", "[PORT[-PORT]]", "portcon statements"},
    {Component::kSensitivities, "--sensitivity", "[SENS]", "MLS sensitivities"},
    {Component::kTypebounds, "--typebounds", "[BOUND_TYPE]", "typebounds statements"},
    {Component::kValidatetrans, "--validatetrans", "[CLASS]", "validatetrans"},
};

}  // namespace

void add_policy_info_command(CLI::App& policy, Run& chosen) {
  struct Options {
    std::string file;
    policy::InfoQuery query;
  };
  auto options = std::make_shared<Options>();
  CLI::App* info = policy.add_subcommand("info", "Print what a compiled policy holds, as seinfo");
  info->add_option("POLICY", options->file, "the compiled policy, policy.N")->required();
  info->add_flag("-x,--expand", options->query.expand, "print each as a whole statement");
  info->add_flag("--flat", options->query.flat, "no counts and no indentation");
  info->add_flag("--all", options->query.all, "all of the following");
  for (const ComponentOption& entry : kComponents) {
    info->add_option_function<std::vector<std::string>>(
            entry.names,
            [options, component = entry.component](const std::vector<std::string>& limit) {
              options->query.components[component] = limit.empty() ? "" : limit.front();
            },
            entry.help)
        ->expected(0, 1)
        ->option_text(entry.limit);
  }
  info->footer(
      "Options and output are those of setools' seinfo. POLICY comes before an option whose value\n"
      "is left out. Without an option: the statistics.\n\n"
      "Examples:\n"
      "  intaglio policy info out/policy/default/policy/policy.33\n"
      "  intaglio policy info policy.33 -t sshd_t -x");
  info->callback([options, &chosen] {
    chosen = [options](Io& io) {
      auto rules =
          policy::PolicyRules::from_image(imagefmt::read_file(options->file), options->file);
      io.out << policy::describe_policy(rules, options->file, options->query);
      return 0;
    };
  });
}

}  // namespace builder
