// SPDX-License-Identifier: Apache-2.0
//
// From policy modules to one binary kernel policy of exactly the wanted version.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imagefmt/base/reporter.h"
#include "policy/kernel_version.h"
#include "policy/modules.h"

namespace policy {

/// What a kernel does with a class or permission that it has and the policy lacks.
enum class HandleUnknown { kDeny, kReject, kAllow };

struct CompileOptions {
  uint32_t version = 0;                  // of the result: policy_version_for(), or the user's
  std::optional<KernelVersion> kernel;   // that will load it, if known: for its own limits
  bool allow_lossy = false;              // drop with a warning what the version cannot hold
  std::map<std::string, bool> booleans;  // other values than the policy's own
  bool disable_dontaudit = false;
  std::optional<HandleUnknown> handle_unknown;  // other than the policy's own
  unsigned jobs = 0;
};

struct CompiledPolicy {
  uint32_t version = 0;
  bool mls = false;
  std::string binary;         // policy.N
  std::string file_contexts;  // as libsepol sorts them, the HOME_DIR templates among them
  std::string seusers;        // `login:user:range` lines; `__default__` among them
  std::string user_prefixes;  // `user NAME prefix PREFIX;` lines
  std::vector<std::string> xattr_filesystems;  // that keep labels in xattrs, sorted
};

/// Compiles what semodule would, with neverallow rules and bounds checked and redundant rules
/// removed. The same modules and options give the same bytes, whatever `jobs` is.
///
/// Throws Error: for a damaged module, with its path; for a mistake in CIL, with its file and line
/// (for a .pp, the line of what `hll/pp` makes of it) and the statement; for an unknown boolean;
/// for each thing that the version or the kernel cannot hold, unless `allow_lossy`; for a version
/// that libsepol does not write or the kernel does not read. libsepol works in child processes.
/// Thread-safe.
CompiledPolicy compile(std::vector<Module> modules, const CompileOptions& options,
                       imagefmt::Reporter& reporter);

}  // namespace policy
