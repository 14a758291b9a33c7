// SPDX-License-Identifier: Apache-2.0
//
// Options that several commands have, each declared once. They set what they are given while the
// command line is parsed.
#pragma once

#include "builder/image.h"
#include "builder/output.h"
#include "builder/policy_options.h"
#include "builder/system_options.h"

namespace CLI {
class App;
}

namespace builder {

/// Of every command that compiles a policy.
void add_policy_options(CLI::App& command, PolicyOptions& options);
/// --compiled-policy, in the place of them. REQUIRES: add_policy_options() came before.
void add_compiled_policy_option(CLI::App& command, PolicyOptions& options);

/// Of every command that labels a closure, those of its policy included. --board, --format and
/// --mode, which label nothing, are not among them.
void add_system_options(CLI::App& command, SystemOptions& options);

/// --mode and --profile: of every command that judges a kernel.
void add_mode_option(CLI::App& command, policy::SelinuxMode& mode);
void add_profile_option(CLI::App& command, KernelProfile& profile);

/// Of every command that writes an image.
/// What boot files are made of: --boot, --efi-stub, --systemd-boot.
void add_boot_options(CLI::App& command, BootOptions& options);
/// OUT, --board, --device-trees, and those of boot files.
void add_output_options(CLI::App& command, OutputTarget& target);
/// --firmware, --disk-size.
void add_disk_options(CLI::App& command, BootOptions& options);
void add_image_options(CLI::App& command, ImageOptions& image);

}  // namespace builder
