// SPDX-License-Identifier: Apache-2.0
#include "policy/contexts.h"

#include <CLI/CLI.hpp>
#include <istream>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/commands/private_choice.h"

namespace builder {

namespace {

const Choices<policy::FileType> kFileTypes = {
    {"file", policy::FileType::kRegular},    {"dir", policy::FileType::kDirectory},
    {"symlink", policy::FileType::kSymlink}, {"chr", policy::FileType::kCharacter},
    {"blk", policy::FileType::kBlock},       {"fifo", policy::FileType::kFifo},
    {"sock", policy::FileType::kSocket}};

}  // namespace

void add_contexts_commands(CLI::App& app, Run& chosen) {
  struct Options {
    std::string file_contexts;
    policy::FileType type = policy::FileType::kAny;
    std::vector<std::string> substitutions;
  };
  auto options = std::make_shared<Options>();
  CLI::App* contexts = app.add_subcommand("contexts", "Ask a file_contexts");
  contexts->require_subcommand(1);
  CLI::App* lookup =
      contexts->add_subcommand("lookup", "Print the label of each path on standard input");
  lookup->add_option("FILE_CONTEXTS", options->file_contexts, "the rules")->required();
  add_choice(*lookup, "--type", options->type, kFileTypes,
             "what the paths are (default: any type matches)")
      ->option_text("file|dir|symlink|chr|blk|fifo|sock");
  lookup
      ->add_option("--subs", options->substitutions,
                   "one more file of substitutions, after FILE_CONTEXTS' own (repeatable)")
      ->option_text("FILE")
      ->allow_extra_args(false);
  lookup->footer(
      "Reads paths, one a line, and prints for each a line: the context, <<none>>, or\n"
      "<<no match>>: what selabel_lookup_raw(3) answers. FILE_CONTEXTS' own .subs, .subs_dist,\n"
      ".homedirs and .local are read as libselinux reads them.\n\n"
      "Examples:\n"
      "  find /usr/bin -type f | intaglio contexts lookup --type file file_contexts\n"
      "  echo /etc/shadow | intaglio contexts lookup "
      "out/policy/default/contexts/files/file_contexts");
  lookup->callback([options, &chosen] {
    chosen = [options](Io& io) {
      // A contradiction among the rules does not change what libselinux answers.
      policy::FileContexts rules = policy::FileContexts::load(
          options->file_contexts, options->substitutions, policy::Contradictions::kLastWins);
      for (std::string path; std::getline(io.in, path);) {
        const policy::ContextRule* rule = rules.lookup(path, options->type);
        io.out << (rule ? rule->context.text() : std::string_view("<<no match>>")) << '\n';
      }
      return 0;
    };
  });
}

}  // namespace builder
