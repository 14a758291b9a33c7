// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "builder/board.h"
#include "builder/bootspec.h"
#include "builder/closure.h"
#include "builder/input_file.h"
#include "builder/kernel.h"
#include "builder/system_options.h"
#include "imagefmt/base/reporter.h"

namespace builder {

/// A kernel, as far as its configuration is judged.
struct JudgedKernel {
  std::string name;                   // in messages
  std::string release;                // as `uname -r` says it
  std::optional<std::string> config;  // its text; none if it is nowhere to be found
  InputFile initrd;                   // empty: none
};

/// That of a closure, with what is known of its configuration.
JudgedKernel judged_kernel_of(const Closure& closure, const Bootspec& spec, const Kernel& kernel);

/// Judges the kernel by what the board and the image ask of it. Throws one Error with a
/// line for each option without which the image would not boot labelled, and the fragment that
/// mends it. What else is missing, a configuration that is nowhere to be found and an initrd that
/// cannot be read are warnings. Returns the whole fragment for this kernel.
std::string check_kernel_config(const JudgedKernel& kernel, const SystemOptions& options,
                                const Board& board, const std::string& command_line,
                                imagefmt::Reporter& reporter);

}  // namespace builder
