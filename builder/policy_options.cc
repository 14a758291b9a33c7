// SPDX-License-Identifier: Apache-2.0
#include "builder/policy_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "builder/commands/private_choice.h"
#include "imagefmt/base/error.h"
#include "policy/compiled_folder.h"

namespace builder {

using imagefmt::UsageError;

namespace {

const Choices<policy::HandleUnknown> kHandleUnknown = {{"deny", policy::HandleUnknown::kDeny},
                                                       {"reject", policy::HandleUnknown::kReject},
                                                       {"allow", policy::HandleUnknown::kAllow}};

/// `NAME=on` or `NAME=off`, as semanage and setsebool take them.
void add_boolean(std::map<std::string, bool>& booleans, const std::string& text) {
  const size_t equals = text.find('=');
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  const bool on = value == "on" || value == "true" || value == "1";
  if (equals == 0 || (!on && value != "off" && value != "false" && value != "0")) {
    throw UsageError(fmt::format("--boolean '{}': expected NAME=on or NAME=off", text));
  }
  const std::string name = text.substr(0, equals);
  if (!booleans.emplace(name, on).second) {
    throw UsageError(fmt::format("--boolean '{}': '{}' is set twice", text, name));
  }
}

std::string last_component(const std::string& folder) {
  std::error_code ignored;  // of a working folder that is gone
  return std::filesystem::absolute(folder + "/.", ignored)
      .lexically_normal()
      .parent_path()
      .filename();
}

}  // namespace

void add_policy_options(CLI::App& command, PolicyOptions& options) {
  command.add_option("--policy", options.folder, "folder of policy modules (.pp, .cil), any depth")
      ->required()
      ->option_text("DIR");
  command
      .add_option("--contexts", options.contexts_folder,
                  "folder of application contexts (default: the one beside the modules)")
      ->option_text("DIR");
  command
      .add_option("--policy-name", options.name,
                  "SELINUXTYPE (default: the last component of the policy folder)")
      ->option_text("NAME");
  command
      .add_option("--policy-module", options.modules,
                  "one more module; overrides the folder's of the same name")
      ->option_text("FILE ...");
  command.add_option("--policy-remove", options.removed, "leave this module out")
      ->option_text("NAME ...");
  command
      .add_option_function<std::vector<std::string>>(
          "--boolean",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) add_boolean(options.booleans, text);
          },
          "set a boolean of the policy")
      ->option_text("NAME=on|off ...");
  command.add_flag("--disable-dontaudit", options.disable_dontaudit, "let every denial be logged");
  add_choice(command, "--handle-unknown", options.handle_unknown, kHandleUnknown,
             "what the kernel does with permissions that the policy lacks (default: as the policy "
             "says)")
      ->option_text("deny|reject|allow");
  command.add_flag("--allow-lossy", options.allow_lossy,
                   "drop, with a warning, what the policy version cannot hold");
  CLI::Option* kernel = command.add_option_function<std::string>(
      "--kernel-version",
      [&options](const std::string& text) { options.kernel = policy::parse_kernel_version(text); },
      "the kernel that will load the policy");
  kernel->option_text("V");
  command.add_option("--policy-version", options.version, "the policy's version")
      ->option_text("N")
      ->excludes(kernel);
}

void add_compiled_policy_option(CLI::App& command, PolicyOptions& options) {
  CLI::Option* compiled =
      command
          .add_option("--compiled-policy", options.compiled_folder,
                      "what `policy compile` wrote, instead of modules and their options")
          ->option_text("DIR");
  for (const char* name : {"--policy", "--contexts", "--policy-name", "--policy-module",
                           "--policy-remove", "--boolean", "--disable-dontaudit",
                           "--handle-unknown", "--allow-lossy", "--policy-version"}) {
    compiled->excludes(command.get_option(name));
  }
  CLI::Option* modules = command.get_option("--policy")->required(false);
  command.parse_complete_callback([compiled, modules] {
    if (!*compiled && !*modules) throw CLI::RequiredError("--policy or --compiled-policy");
  });
}

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
