// SPDX-License-Identifier: Apache-2.0
#include "builder/policy_options.h"

#include <fmt/format.h>

#include <filesystem>

#include "imagefmt/base/error.h"
#include "policy/compile_cache.h"
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

policy::ModuleSources sources_of(const PolicyOptions& options) {
  return {options.folder, options.modules, options.removed};
}

policy::CompiledPolicy compile(std::vector<policy::Module> modules, const std::string& cache,
                               const policy::CompileOptions& options,
                               imagefmt::Reporter& reporter) {
  if (!cache.empty()) return policy::compile_cached(cache, std::move(modules), options, reporter);
  policy::unpack_modules(modules, options.jobs);
  return policy::compile(std::move(modules), options, reporter);
}

NamedPolicy compile_modules(const PolicyOptions& options,
                            const std::optional<policy::KernelVersion>& kernel, unsigned jobs,
                            imagefmt::Reporter& reporter) {
  std::vector<policy::Module> modules = policy::read_modules(sources_of(options));
  const std::string name = options.name.empty() ? last_component(options.folder) : options.name;
  policy::check_policy_name(name);
  const std::string contexts_folder = options.contexts_folder.empty()
                                          ? policy::find_contexts_folder(options.folder)
                                          : options.contexts_folder;
  // It is used once the policy is compiled, which takes long.
  policy::check_contexts_folder(contexts_folder);
  policy::CompileOptions compile_options;
  compile_options.kernel = kernel;
  if (options.version) {
    compile_options.version = *options.version;
  } else if (compile_options.kernel) {
    compile_options.version = policy::policy_version_for(*compile_options.kernel);
  }
  compile_options.booleans = options.booleans;
  compile_options.disable_dontaudit = options.disable_dontaudit;
  compile_options.handle_unknown = options.handle_unknown;
  compile_options.allow_lossy = options.allow_lossy;
  compile_options.jobs = jobs;
  policy::CompiledPolicy compiled =
      builder::compile(std::move(modules), options.cache, compile_options, reporter);
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

std::vector<policy::Module> load_modules(const PolicyOptions& options, unsigned jobs) {
  return policy::load_modules(sources_of(options), jobs);
}

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
