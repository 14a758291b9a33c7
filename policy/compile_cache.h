// SPDX-License-Identifier: Apache-2.0
//
// Policies that were compiled before. Compiling takes seconds, and what it gives depends on nothing
// but its input and the compiler.
#pragma once

#include <string>
#include <vector>

#include "imagefmt/base/reporter.h"
#include "policy/compile.h"

namespace policy {

/// What compile() makes of the same modules and options, warnings included: from the folder `cache`
/// if an earlier call left it there, else compiled and left there. `modules` are those of
/// read_modules().
///
/// An entry is a file `<key>.policy`. The key is the SHA-256 of the modules' names, priorities and
/// files, of the options, and of the program and the libsepol that compile. What is cached is never
/// wrong, for entries hold their own digest and take their name in one rename: several builds may
/// share a cache, and it may be removed at any time. The folder is made if there is none. An entry
/// that is damaged, or a folder that cannot be used, is a warning and costs time alone. Throws what
/// unpack_modules() and compile() throw; failures are not cached.
CompiledPolicy compile_cached(const std::string& cache, std::vector<Module> modules,
                              const CompileOptions& options, imagefmt::Reporter& reporter);

}  // namespace policy
