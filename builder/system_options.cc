// SPDX-License-Identifier: Apache-2.0
#include "builder/system_options.h"

#include <CLI/CLI.hpp>

#include "builder/commands/private_choice.h"

namespace builder {

namespace {
const Choices<InitKind> kInits = {{"sealed", InitKind::kSealed}, {"closure", InitKind::kClosure}};
}  // namespace

void add_system_options(CLI::App& command, SystemOptions& options) {
  command
      .add_option("--closure", options.closure,
                  "what nixpkgs' closureInfo makes: store-paths, registration")
      ->required()
      ->option_text("DIR");
  command.add_option("--toplevel", options.toplevel, "the system (default: the closure's one)")
      ->option_text("STORE_PATH");
  command.add_option("--store-root", options.store_root, "where /nix/store lies (default: /)")
      ->option_text("DIR");
  command.add_option("--contents", options.contents, "JSON list of entries to add to the root")
      ->option_text("FILE");
  add_choice(command, "--init", options.init, kInits,
             "sealed: no activation at boot (default, if the root is read-only); closure: the "
             "system's own "
             "init")
      ->option_text("sealed|closure");
  command
      .add_option("--label-rules", options.label_rules,
                  "rules that label packages of the store, or say where they are seen")
      ->option_text("FILE");
  command.add_option("--jobs", options.jobs, "how many cores to use (default: all)")
      ->option_text("N");
  add_policy_options(command, options.policy);
}

}  // namespace builder
