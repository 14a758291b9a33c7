// SPDX-License-Identifier: Apache-2.0
//
// The options that say which policy, and the compiling.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "imagefmt/base/reporter.h"
#include "policy/compile.h"
#include "policy/etc_selinux.h"
#include "policy/policydb.h"

namespace builder {

struct PolicyOptions {
  std::string folder;                // --policy
  std::string contexts_folder;       // --contexts; empty: found beside the policy
  std::string name;                  // --policy-name; empty: the last component of `folder`
  std::vector<std::string> modules;  // --policy-module
  std::vector<std::string> removed;  // --policy-remove
  std::map<std::string, bool> booleans;
  bool disable_dontaudit = false;
  bool allow_lossy = false;
  std::optional<policy::HandleUnknown> handle_unknown;
  std::optional<policy::KernelVersion> kernel;  // --kernel-version
  std::optional<uint32_t> version;              // --policy-version
  std::string compiled_folder;                  // --compiled-policy; empty: modules are compiled
  std::string cache;                            // --cache; empty: nothing is kept
};

struct NamedPolicy {
  std::string name;             // SELINUXTYPE
  std::string contexts_folder;  // where the application contexts are
  policy::CompiledPolicy compiled;
  policy::PolicyDb database;  // `compiled.binary`, to be asked
};

/// The modules that compile_policy() takes.
std::vector<policy::Module> load_modules(const PolicyOptions& options, unsigned jobs);

/// Compiles for `options.kernel`, or for `kernel` where the user named none, at the version that it
/// takes unless the user named one; or reads what was compiled before, and checks that the kernel
/// takes it. REQUIRES: a kernel or a version is there.
NamedPolicy compile_policy(const PolicyOptions& options,
                           const std::optional<policy::KernelVersion>& kernel, unsigned jobs,
                           imagefmt::Reporter& reporter);

/// What becomes /etc/selinux. Warns of what it leaves out.
policy::SelinuxFolder make_selinux_folder(const NamedPolicy& policy, policy::SelinuxMode mode,
                                          const policy::ImageAccounts& accounts,
                                          imagefmt::Reporter& reporter);

}  // namespace builder
