// SPDX-License-Identifier: Apache-2.0
#include "policy/compiled_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "policy/etc_selinux.h"
#include "policy/features.h"
#include "policy/homedirs.h"
#include "policy/policydb.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTemplates = "/contexts/files/homedir_template";
constexpr std::string_view kPrefixes = "/users_extra";
constexpr uint64_t kTextLimit = 16 << 20;
constexpr uint64_t kPolicyLimit = 256 << 20;

std::string read_policy_name(const std::string& folder) {
  const std::string config = folder + "/config";
  constexpr std::string_view kKey = "SELINUXTYPE=";
  std::string name;
  for_each_line(imagefmt::read_file(config, kTextLimit), [&](std::string_view line, size_t) {
    if (trim(line).substr(0, kKey.size()) == kKey) name = trim(trim(line).substr(kKey.size()));
  });
  if (name.empty()) throw Error(fmt::format("cannot read '{}': it has no SELINUXTYPE", config));
  imagefmt::with_context(config, [&] { check_policy_name(name); });
  return name;
}

/// The one file `policy.N` of a folder.
std::string find_policy(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code failure;
  for (fs::directory_iterator entry(folder, failure); !failure && entry != fs::directory_iterator();
       entry.increment(failure)) {
    const std::string file = entry->path().filename();
    if (file.substr(0, 7) == "policy.") found.push_back(file);
  }
  if (failure) {
    throw Error(fmt::format("cannot read the folder '{}': {}", folder, failure.message()));
  }
  std::sort(found.begin(), found.end());
  if (found.size() != 1) {
    throw Error(
        fmt::format("cannot choose a policy in '{}': expected one file 'policy.N', found {}",
                    folder, found.empty() ? "none" : fmt::format("{}", fmt::join(found, ", "))));
  }
  return folder + '/' + found[0];
}

void judge_for_kernel(const PolicyFeatures& features, const KernelVersion& kernel,
                      const std::string& policy_file, imagefmt::Reporter& reporter) {
  for (const std::string& warning : features.unknown_capabilities(kernel)) reporter.warn(warning);
  imagefmt::Faults faults;
  for (const Loss& loss : features.losses_on(kernel)) {
    faults.add(fmt::format("{}: {}", policy_file, loss.message));
  }
  faults.throw_if_any();
}

}  // namespace

void add_home_templates(imagefmt::FileTree& selinux, const std::string& name,
                        const CompiledPolicy& policy) {
  auto add = [&](std::string_view path, std::string text) {
    selinux.insert(fmt::format("/{}{}", name, path),
                   imagefmt::make_regular(imagefmt::Content::from_bytes(std::move(text))));
  };
  add(kTemplates, split_file_contexts(policy.file_contexts).templates);
  add(kPrefixes, policy.user_prefixes);
}

CompiledFolder read_compiled_folder(const std::string& folder,
                                    const std::optional<KernelVersion>& kernel,
                                    imagefmt::Reporter& reporter) {
  const std::string name = read_policy_name(folder), own = folder + '/' + name;
  const std::string policy_file = find_policy(own + "/policy");
  auto read = [&](std::string_view path) {
    return imagefmt::read_file(own + std::string(path), kTextLimit);
  };

  CompiledFolder read_folder{name, own + "/contexts", {}};
  CompiledPolicy& policy = read_folder.policy;
  policy.file_contexts = read("/contexts/files/file_contexts") + read(kTemplates);
  policy.seusers = read("/seusers");
  std::error_code ignored;
  if (fs::exists(own + std::string(kPrefixes), ignored)) policy.user_prefixes = read(kPrefixes);
  policy.binary = imagefmt::read_file(policy_file, kPolicyLimit);
  policy.version = parse_policy_version(policy.binary, policy_file);
  if (policy_file != fmt::format("{}/policy/policy.{}", own, policy.version)) {
    throw Error(fmt::format("cannot use '{}': its own header says version {}", policy_file,
                            policy.version));
  }
  if (kernel) {
    imagefmt::with_context(policy_file, [&] { check_kernel_reads(*kernel, policy.version); });
  }
  const PolicyFeatures features(kernel_policy_to_cil(policy.binary, policy_file));
  if (kernel) judge_for_kernel(features, *kernel, policy_file, reporter);
  policy.mls = features.mls();
  policy.xattr_filesystems = features.xattr_filesystems();
  return read_folder;
}

}  // namespace policy
