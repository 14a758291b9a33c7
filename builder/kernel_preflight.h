// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "builder/board.h"
#include "builder/bootspec.h"
#include "builder/closure.h"
#include "builder/kernel.h"
#include "builder/system_options.h"
#include "imagefmt/base/reporter.h"

namespace builder {

/// Judges the closure's kernel by what the board and the image ask of it. Throws one Error with a
/// line for each option without which the image would not boot labelled, and the fragment that
/// mends it. What else is missing, a configuration that is nowhere to be found and an initrd that
/// cannot be read are warnings. Returns the whole fragment for this kernel.
std::string check_kernel_config(const Closure& closure, const Bootspec& spec, const Kernel& kernel,
                                const SystemOptions& options, const Board& board,
                                const std::string& command_line, imagefmt::Reporter& reporter);

}  // namespace builder
