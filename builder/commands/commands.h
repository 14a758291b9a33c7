// SPDX-License-Identifier: Apache-2.0
//
// One file a subcommand. Each `add_` function declares its options below `app` and sets `chosen` to
// what the command does when the command line names it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/io.h"

namespace CLI {
class App;
}

namespace builder {

using Run = std::function<int(Io&)>;

void add_build_command(CLI::App& app, Run& chosen);
void add_run_command(CLI::App& app, Run& chosen);
void add_pack_command(CLI::App& app, Run& chosen);
void add_policy_commands(CLI::App& app, Run& chosen);
void add_policy_info_command(CLI::App& policy, Run& chosen);
void add_policy_search_command(CLI::App& policy, Run& chosen);
/// `policy search` takes sesearch's flags of two letters (`-ds`): gives the arguments with the long
/// names that stand for them.
std::vector<std::string> spell_out_search_flags(std::vector<std::string> args);
void add_contexts_commands(CLI::App& app, Run& chosen);
void add_inspect_command(CLI::App& app, Run& chosen);
void add_labels_command(CLI::App& app, Run& chosen);
void add_diff_command(CLI::App& app, Run& chosen);
void add_verify_command(CLI::App& app, Run& chosen);
void add_explain_command(CLI::App& app, Run& chosen);
void add_denials_command(CLI::App& app, Run& chosen);
void add_kernel_config_commands(CLI::App& app, Run& chosen);
void add_boards_command(CLI::App& app, Run& chosen);
void add_boot_command(CLI::App& app, Run& chosen);
void add_join_command(CLI::App& app, Run& chosen);
void add_disk_command(CLI::App& app, Run& chosen);
void add_mkbootimg_command(CLI::App& app, Run& chosen);
void add_unpack_bootimg_command(CLI::App& app, Run& chosen);
void add_sparse_command(CLI::App& app, Run& chosen);
void add_flash_plan_command(CLI::App& app, Run& chosen);

}  // namespace builder
