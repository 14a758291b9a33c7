// SPDX-License-Identifier: Apache-2.0
//
// How virtual machines are started that are given kernel, initrd and root as files.
#pragma once

#include "builder/flash_plan.h"

namespace builder {

/// Files are as commands are to name them. Throws for a board whose hypervisor is not known.
FlashStep start_hypervisor(const Board& board, const std::string& kernel, const std::string& initrd,
                           const std::string& root, const std::string& command_line,
                           const std::string& folder);

}  // namespace builder
