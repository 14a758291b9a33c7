// SPDX-License-Identifier: Apache-2.0
//
// What `--report FILE` gets: times, rates and memory of one build, which never reach an artifact.
#pragma once

#include <string>

#include "builder/build.h"
#include "builder/terminal.h"

namespace builder {

/// JSON: stages with seconds and amounts, warnings, the process's peak memory in bytes,
/// which sharing of the host's store the labels split, and the labels as `labels --json` has them.
std::string serialize_report(const TerminalReporter& reporter, const BuildResult& result);

}  // namespace builder
