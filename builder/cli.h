// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "builder/io.h"

namespace builder {

/// Runs `intaglio ARGS…` (without the program's name) and returns its exit status: 0 done,
/// 1 failed, 2 wrong usage. Errors are rendered to `io.err`, a line each, `intaglio: ` before it.
/// Lets std::bad_alloc out, since to render it takes memory.
int run(const std::vector<std::string>& args, Io& io);

}  // namespace builder
