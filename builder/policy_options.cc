// SPDX-License-Identifier: Apache-2.0
#include "builder/policy_options.h"

#include <fmt/format.h>

#include <filesystem>

#include "imagefmt/base/error.h"
#include "policy/compiled_folder.h"

namespace builder {

namespace {

std::string last_component(const std::string& folder) {
  std::error_code ignored;  // of a working folder that is gone
  return std::filesystem::absolute(folder + "/.", ignored)
      .lexically_normal()
      .parent_path()
      .filename();
}

}  // namespace

std::vector<policy::Module> load_modules(const PolicyOptions& options, unsigned jobs) {
  return policy::load_modules({options.folder, options.modules, options.removed}, jobs);
}

namespace {

NamedPolicy compile_modules(const PolicyOptions& options,
                            const std::optional<policy::KernelVersion>& kernel, unsigned jobs,
                            imagefmt::Reporter& reporter) {
  std::vector<policy::Module> modules = load_modules(options, jobs);
  const std::string name = options.name.empty() ? last_component(options.folder) : options.name;
  policy::check_policy_name(name);
  const std::string contexts_folder = options.contexts_folder.empty()
                                          ? policy::find_contexts_folder(options.folder)
                                          : options.contexts_folder;
  // It is used once the policy is compiled, which takes long.
  policy::check_contexts_folder(contexts_folder);
  policy::CompileOptions compile;
  compile.kernel = kernel;
  if (options.version) {
    compile.version = *options.version;
  } else if (compile.kernel) {
    compile.version = policy::policy_version_for(*compile.kernel);
  }
  compile.booleans = options.booleans;
  compile.disable_dontaudit = options.disable_dontaudit;
  compile.handle_unknown = options.handle_unknown;
  compile.allow_lossy = options.allow_lossy;
  compile.jobs = jobs;
  policy::CompiledPolicy compiled = policy::compile(std::move(modules), compile, reporter);
  const std::string file = fmt::format("policy.{}", compiled.version);
  policy::PolicyDb database = policy::PolicyDb::from_image(compiled.binary, file);
  return {name, contexts_folder, std::move(compiled), std::move(database)};
}

NamedPolicy read_compiled(const std::string& folder,
                          const std::optional<policy::KernelVersion>& kernel,
                          imagefmt::Reporter& reporter) {
  policy::CompiledFolder read = policy::read_compiled_folder(folder, kernel, reporter);
  policy::check_contexts_folder(read.contexts_folder);
  const std::string file = fmt::format("policy.{}", read.policy.version);
  policy::PolicyDb database = policy::PolicyDb::from_image(read.policy.binary, file);
  return {std::move(read.name), std::move(read.contexts_folder), std::move(read.policy),
          std::move(database)};
}

}  // namespace

NamedPolicy compile_policy(const PolicyOptions& options,
                           const std::optional<policy::KernelVersion>& kernel, unsigned jobs,
                           imagefmt::Reporter& reporter) {
  const std::optional<policy::KernelVersion> loads = options.kernel ? options.kernel : kernel;
  return options.compiled_folder.empty() ? compile_modules(options, loads, jobs, reporter)
                                         : read_compiled(options.compiled_folder, loads, reporter);
}

policy::SelinuxFolder make_selinux_folder(const NamedPolicy& policy, policy::SelinuxMode mode,
                                          const policy::ImageAccounts& accounts,
                                          imagefmt::Reporter& reporter) {
  policy::PolicyFiles files;
  files.name = policy.name;
  files.version = policy.compiled.version;
  files.mls = policy.compiled.mls;
  files.binary = policy.compiled.binary;
  files.file_contexts = policy.compiled.file_contexts;
  files.seusers = policy.compiled.seusers;
  files.user_prefixes = policy.compiled.user_prefixes;
  policy::SelinuxFolder folder =
      policy::make_selinux_folder(files, policy.database, mode, policy.contexts_folder, accounts);
  for (const std::string& warning : folder.warnings) reporter.warn(warning);
  return folder;
}

}  // namespace builder
