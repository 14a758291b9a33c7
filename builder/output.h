// SPDX-License-Identifier: Apache-2.0
//
// What is made of an output folder once it is there: by `boot`, `disk` and `run`.
#pragma once

#include <optional>
#include <string>

#include "builder/boot_files.h"
#include "builder/manifest.h"

namespace builder {

/// The board that an output was built for and boots as; or another one, if `board` is not empty, by
/// `kind` or as it boots first.
Board board_of(const ManifestSummary& manifest, const std::string& board,
               std::optional<BootKind> kind);

/// Kernel, initrd and command line of the output folder, and what its root says of the system.
BootParts parts_of_output(const std::string& folder, const ManifestSummary& manifest);

}  // namespace builder
