// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "builder/commands/commands.h"
#include "builder/image.h"
#include "imagefmt/base/file.h"
#include "policy/prove.h"

namespace builder {

namespace {

struct Options {
  std::string image, policy, file_contexts, label_rules;
  bool project_store = false;
};

int run_verify(const Options& options, Io& io) {
  const policy::PolicyDb policydb =
      policy::PolicyDb::from_image(imagefmt::read_file(options.policy), options.policy);
  policy::ProofRules rules = policy::load_proof_rules(options.file_contexts, options.project_store);
  const policy::LabelRules label_rules = policy::LabelRules::load(options.label_rules);
  if (auto* labelling = std::get_if<policy::LabelInput>(&rules)) {
    labelling->label_rules = label_rules;
  }
  const imagefmt::FileTree tree = read_image(options.image);
  const std::string filesystem = filesystem_of(options.image);
  const policy::ProofReport report = policy::prove(tree, rules, policydb, filesystem);
  for (const std::string& fault : report.faults) io.err << "intaglio: " << fault << '\n';
  const bool exact = std::holds_alternative<policy::ExactContexts>(rules);
  io.out << fmt::format("{}: {}, {} inodes, {} contexts, {} {}rules, {} faults\n", options.image,
                        filesystem, report.inodes, report.contexts, policy::count_rules(rules),
                        exact ? "exact " : "", report.faults.size());
  return report.faults.empty() ? 0 : 1;
}

}  // namespace

void add_verify_command(CLI::App& app, Run& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("verify", "Prove the labels of an image, from its bytes alone");
  command->add_option("IMAGE", options->image, "the image")->required();
  command->add_option("--policy", options->policy, "the compiled policy, policy.N")
      ->required()
      ->option_text("FILE");
  command
      ->add_option("--file-contexts", options->file_contexts,
                   "a build's file_contexts, or any other")
      ->required()
      ->option_text("FILE");
  CLI::Option* project_store =
      command->add_flag("--project-store", options->project_store,
                        "match /nix/store/<hash>-<name>/... at its place in the FHS");
  command
      ->add_option("--label-rules", options->label_rules,
                   "the label rules that the image was built with; a build's file_contexts needs "
                   "none")
      ->option_text("FILE")
      ->needs(project_store);
  command->footer(
      "Each inode must have a label that is the one of the rules, that the policy accepts, whose\n"
      "type is a file_type and may be on the file system (allow T FS filesystem associate), which\n"
      "must have an fs_use_xattr. With a build's file_contexts, which has an exact rule for each\n"
      "inode, no inode may be missing or new. Every fault is a line on standard error, and the "
      "exit\n"
      "status is then 1.\n\n"
      "Example:\n"
      "  intaglio verify out/root.squashfs --policy out/policy/default/policy/policy.33 \\\n"
      "      --file-contexts out/file_contexts");
  command->callback(
      [options, &chosen] { chosen = [options](Io& io) { return run_verify(*options, io); }; });
}

}  // namespace builder
