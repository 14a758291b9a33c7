// SPDX-License-Identifier: Apache-2.0
#include "builder/kernel_requirements.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/lsm.h"
#include "builder/private_kernel_table.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::EmbeddedFile;
using imagefmt::Error;
using imagefmt::Faults;

std::span<const EmbeddedFile> embedded_kernel_configs();

namespace {

std::string stem_of(const EmbeddedFile& file) {
  return std::string(file.name.substr(0, file.name.rfind('.')));
}

/// What a condition can ask, and what it is told.
KernelTable::Words facts_of(const KernelTarget& target) {
  return {
      {"arch", {std::string(to_text(target.arch))}},
      {"compression", {target.root_compression}},
      {"initrd", {target.initrd_compressions.begin(), target.initrd_compressions.end()}},
      {"mode", {target.mode == policy::SelinuxMode::kPermissive ? "permissive" : "enforcing"}},
      {"profile", {std::string(to_text(target.profile))}},
      {"root", {std::string(to_text(target.root_format))}},
  };
}

bool holds(const KernelTable::Condition& when, const KernelTable::Words& facts,
           const std::optional<policy::KernelVersion>& version) {
  if (version && !when.kernels.has(*version)) return false;
  return std::all_of(when.any_of.begin(), when.any_of.end(), [&](const auto& asked) {
    const std::vector<std::string>& told = facts.find(asked.first)->second;
    return std::find_first_of(told.begin(), told.end(), asked.second.begin(), asked.second.end()) !=
           told.end();
  });
}

/// Kernels that both ranges have.
KernelRange both(const KernelRange& a, const KernelRange& b) {
  return {a.since && b.since ? std::max(a.since, b.since)
          : a.since          ? a.since
                             : b.since,
          a.before && b.before ? std::min(a.before, b.before)
          : a.before           ? a.before
                               : b.before};
}

Error unknown_group(std::string_view name, const std::vector<std::string>& groups) {
  return Error(fmt::format("unknown group of kernel requirements {}, expected {}", in_quotes(name),
                           one_of(groups)));
}

}  // namespace

std::string_view to_text(KernelProfile profile) {
  return profile == KernelProfile::kDevel ? "devel" : "production";
}

KernelTarget kernel_target_of(const Board& board) {
  KernelTarget target;
  target.arch = board.arch;
  target.requires_groups = board.kernel_requires;
  if (board.boot_kind == BootKind::kUki || board.boot_kind == BootKind::kBls) {
    target.requires_groups.emplace_back("efi");
  }
  target.root_format = board.root_format;
  return target;
}

std::string_view to_text(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

bool KernelRange::has(const policy::KernelVersion& version) const {
  return (!since || version >= *since) && (!before || version < *before);
}

KernelTable KernelTable::parse(std::span<const EmbeddedFile> files) {
  KernelTable table;
  Faults faults;
  for (const EmbeddedFile& file : files) {
    try {
      table.groups_.emplace(stem_of(file), parse_requirement_group(file, faults));
    } catch (const Error& error) {  // no TOML
      faults.add(error.what());
    }
  }
  for (const auto& [name, group] : table.groups_) {
    for (const std::string& other : group.includes) {
      if (!table.groups_.contains(other)) {
        faults.add(fmt::format("{}.toml: key 'includes': {}", name,
                               unknown_group(other, table.groups()).what()));
      }
    }
  }
  faults.throw_if_any();
  return table;
}

std::vector<std::string> KernelTable::groups() const {
  std::vector<std::string> names;
  for (const auto& [name, group] : groups_) names.push_back(name);
  return names;
}

KernelRequirements KernelTable::select(const KernelTarget& target) const {
  const Words facts = facts_of(target);
  std::set<std::string> chosen;
  std::vector<std::string> waiting = target.requires_groups;
  for (const auto& [name, group] : groups_) {
    if (!group.on_request) waiting.push_back(name);
  }
  while (!waiting.empty()) {
    const std::string name = std::move(waiting.back());
    waiting.pop_back();
    const auto found = groups_.find(name);
    if (found == groups_.end()) throw unknown_group(name, groups());
    const Group& group = found->second;
    if (!holds(group.when, facts, target.version) || !chosen.insert(name).second) continue;
    waiting.insert(waiting.end(), group.includes.begin(), group.includes.end());
  }

  KernelRequirements result;
  std::map<std::string, std::string> places;  // of each option
  for (const std::string& name : chosen) {
    const Group& group = groups_.find(name)->second;
    result.descriptions.emplace(name, group.description);
    for (const Requirement& requirement : group.requirements) {
      if (!holds(requirement.when, facts, target.version)) continue;
      KernelRequirement option = requirement.option;
      const auto [place, is_new] = places.emplace(option.symbol, requirement.place);
      if (!is_new) {
        throw Error(fmt::format("kernel option CONFIG_{} is asked for twice: {} and {}",
                                option.symbol, place->second, requirement.place));
      }
      option.group = name;
      option.if_set = group.when.if_set;
      option.if_set.insert(option.if_set.end(), requirement.when.if_set.begin(),
                           requirement.when.if_set.end());
      option.kernels = both(group.when.kernels, requirement.when.kernels);
      result.options.push_back(std::move(option));
    }
  }
  for (const Lsm& lsm : known_lsms()) {
    if (std::any_of(chosen.begin(), chosen.end(), [&](const std::string& name) {
          return groups_.find(name)->second.lsm == lsm.name;
        })) {
      result.lsms.emplace_back(lsm.name);
    }
  }
  return result;
}

KernelRequirement lsm_requirement(const std::vector<std::string>& lsms) {
  KernelRequirement option;
  option.group = "lsm";
  option.symbol = "LSM";
  option.kind = ValueKind::kText;
  option.value = fmt::format("{}", fmt::join(lsms, ","));
  option.kernels.since = policy::KernelVersion{5, 1, 0};
  option.severity = Severity::kWarning;
  option.reason =
      "selinux comes before what cannot run beside it, so that it runs without security=selinux "
      "too";
  option.source = "security/Kconfig";
  return option;
}

const KernelTable& kernel_table() {
  static const KernelTable table = KernelTable::parse(embedded_kernel_configs());
  return table;
}

void check_requirement_group(const std::string& name) {
  const std::vector<std::string> groups = kernel_table().groups();
  if (std::find(groups.begin(), groups.end(), name) == groups.end()) {
    throw unknown_group(name, groups);
  }
}

}  // namespace builder
