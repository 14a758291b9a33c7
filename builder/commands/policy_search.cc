// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "imagefmt/base/file.h"
#include "policy/rule_search.h"
#include "policy/rule_text.h"

namespace builder {

namespace {

using policy::RuleKind;
using policy::RuleQuery;

struct KindOption {
  RuleKind kind;
  const char* names;
};
constexpr KindOption kKinds[] = {
    {RuleKind::kAllow, "--allow"},
    {RuleKind::kAllowXperm, "--allowxperm"},
    {RuleKind::kAuditAllow, "--auditallow"},
    {RuleKind::kAuditAllowXperm, "--auditallowxperm"},
    {RuleKind::kDontAudit, "--dontaudit"},
    {RuleKind::kDontAuditXperm, "--dontauditxperm"},
    {RuleKind::kNeverAllow, "--neverallow"},
    {RuleKind::kNeverAllowXperm, "--neverallowxperm"},
    {RuleKind::kTypeTransition, "-T,--type_trans"},
    {RuleKind::kTypeChange, "--type_change"},
    {RuleKind::kTypeMember, "--type_member"},
};

/// sesearch has flags of two letters after one dash, which CLI11 would read as two flags.
struct TwoLetterFlag {
  const char* spelled;
  const char* name;
  bool RuleQuery::*member;
  const char* help;
};
constexpr TwoLetterFlag kFlags[] = {
    {"-eb", "--bool_equal", &RuleQuery::booleans_equal, "exactly these booleans"},
    {"-ep", "--perms_equal", &RuleQuery::permissions_equal, "exactly these permissions"},
    {"-ex", "--xperms_equal", &RuleQuery::xperms_equal, "exactly these extended permissions"},
    {"-Sp", "--perms_subset", &RuleQuery::permissions_subset, "all of these permissions"},
    {"-ds", "--source_direct", &RuleQuery::source_direct, "the source itself, not its types"},
    {"-dt", "--target_direct", &RuleQuery::target_direct, "the target itself, not its types"},
    {"-rs", "--source_regex", &RuleQuery::source_regex, "the source is a regular expression"},
    {"-rt", "--target_regex", &RuleQuery::target_regex, "the target is a regular expression"},
    {"-rc", "--class_regex", &RuleQuery::class_regex, "the class is a regular expression"},
    {"-rd", "--default_regex", &RuleQuery::new_name_regex, "the default is a regular expression"},
    {"-rb", "--bool_regex", &RuleQuery::boolean_regex, "the boolean is a regular expression"},
};

}  // namespace

std::vector<std::string> spell_out_search_flags(std::vector<std::string> args) {
  if (args.size() < 2 || args[0] != "policy" || args[1] != "search") return args;
  for (std::string& arg : args) {
    auto flag =
        std::ranges::find_if(kFlags, [&](const TwoLetterFlag& f) { return arg == f.spelled; });
    if (flag != std::end(kFlags)) arg = flag->name;
  }
  return args;
}

void add_policy_search_command(CLI::App& policy, Run& chosen) {
  struct Options {
    std::string file;
    RuleQuery query;
  };
  auto options = std::make_shared<Options>();
  RuleQuery& query = options->query;
  CLI::App* search =
      policy.add_subcommand("search", "Print the rules of a compiled policy, as sesearch");
  search->add_option("POLICY", options->file, "the compiled policy, policy.N")->required();

  CLI::Option_group* kinds = search->add_option_group("Rules", "At least one of these");
  auto add_kind = [&](const char* names, std::vector<RuleKind> added, const std::string& help) {
    kinds->add_flag_callback(
        names,
        [options, added = std::move(added)] {
          options->query.kinds.insert(options->query.kinds.end(), added.begin(), added.end());
        },
        help);
  };
  add_kind("-A", {RuleKind::kAllow, RuleKind::kAllowXperm}, "allow and allowxperm rules");
  for (const KindOption& entry : kKinds) {
    add_kind(entry.names, {entry.kind}, std::string(name_of(entry.kind)) + " rules");
  }
  kinds->add_flag("--role_allow", query.role_allow, "allow rules of roles");
  kinds->add_flag("--role_trans", query.role_transition, "role_transition rules");
  kinds->add_flag("--range_trans", query.range_transition, "range_transition rules");
  kinds->require_option(1, 0);

  auto add_text = [&](const char* names, std::string& into, const char* help, const char* text) {
    search->add_option(names, into, help)->option_text(text);
  };
  add_text("-s,--source", query.source, "the rule's source: type, attribute or role", "SOURCE");
  add_text("-t,--target", query.target, "the rule's target: type, attribute or role", "TARGET");
  add_text("-c,--class", query.classes, "any of these classes", "CLASS[,CLASS]...");
  add_text("-p,--perms", query.permissions, "any of these permissions", "PERM[,PERM]...");
  add_text("-x,--xperms", query.xperms, "any of these extended permissions",
           "NUMBER[-NUMBER][,...]");
  add_text("-D,--default", query.new_name, "what a transition gives: type, role or range",
           "DEFAULT");
  add_text("-b,--bool", query.booleans, "any of these booleans in the condition", "BOOL[,BOOL]...");
  for (const TwoLetterFlag& flag : kFlags) {
    search->add_flag(flag.name, query.*flag.member,
                     std::string(flag.help) + " (" + flag.spelled + ")");
  }
  search->footer(
      "Options and output are those of setools' sesearch; its flags of two letters have long "
      "names\n"
      "too. Regular expressions are PCRE2's. A compiled policy holds no neverallow rule.\n\n"
      "Examples:\n"
      "  intaglio policy search policy.33 -A -s sshd_t -t shadow_t -c file -p read\n"
      "  intaglio policy search policy.33 -T -t '_exec_t$' -rt -c process");
  search->callback([options, &chosen] {
    chosen = [options](Io& io) {
      auto rules =
          policy::PolicyRules::from_image(imagefmt::read_file(options->file), options->file);
      for (const std::string& line : policy::search_rules(rules, options->query)) {
        io.out << line << '\n';
      }
      return 0;
    };
  });
}

}  // namespace builder
