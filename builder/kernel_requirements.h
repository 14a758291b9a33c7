// SPDX-License-Identifier: Apache-2.0
//
// What an image asks of its kernel's configuration: the tables of kernel-configs/, whose README
// has their schema, and what of them holds for one image.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "builder/board.h"
#include "imagefmt/base/embedded.h"
#include "policy/etc_selinux.h"
#include "policy/kernel_version.h"

namespace builder {

enum class KernelProfile { kDevel, kProduction };
std::string_view to_text(KernelProfile profile);

/// The image that the kernel is for.
struct KernelTarget {
  Arch arch = Arch::kX86_64;
  std::vector<std::string> requires_groups;  // the board's
  KernelProfile profile = KernelProfile::kDevel;
  policy::SelinuxMode mode = policy::SelinuxMode::kEnforcing;
  RootFormat root_format = RootFormat::kSquashfs;
  std::string root_compression;
  std::set<std::string, std::less<>> initrd_compressions;
  std::optional<policy::KernelVersion> version;  // none: whatever kernel it will be
};

/// An image as the board alone has it: no compressions, any kernel, profile devel, enforcing.
KernelTarget kernel_target_of(const Board& board);

enum class Severity {
  kWarning,
  kError,  // without it the image does not boot labelled, or is not what the profile says
};
std::string_view to_text(Severity severity);

struct KernelRange {
  std::optional<policy::KernelVersion> since, before;
  bool has(const policy::KernelVersion& version) const;
};

enum class ValueKind { kState, kNumber, kText };  // kState: y, m or n

struct KernelRequirement {
  std::string group;
  std::string symbol;  // without CONFIG_
  ValueKind kind = ValueKind::kState;
  std::string value;  // as .config has it; texts without their quotes
  bool at_least = false;
  std::string module;               // `m` does if the initrd carries it; empty: `m` does not
  std::vector<std::string> choice;  // off when this is on
  std::vector<std::string> if_set;  // holds only in a configuration that sets all of these
  KernelRange kernels;              // of a target without a version
  bool overrides_nixpkgs = false;
  Severity severity = Severity::kWarning;
  std::string reason, source;
};

/// What holds for one target.
struct KernelRequirements {
  std::vector<KernelRequirement> options;  // groups by name, in each its file's order
  std::vector<std::string> lsms;           // for CONFIG_LSM, in this order
  std::map<std::string, std::string, std::less<>> descriptions;  // of the groups
};

/// CONFIG_LSM with `lsms`.
KernelRequirement lsm_requirement(const std::vector<std::string>& lsms);

class KernelTable {
 public:
  /// Reads `<group>.toml` each. All mistakes are thrown as one Error, a line each:
  /// `<file>:<line>: …`.
  static KernelTable parse(std::span<const imagefmt::EmbeddedFile> files);

  /// Sorted.
  std::vector<std::string> groups() const;

  /// Throws if the target's groups are unknown, or an option would stand there twice.
  KernelRequirements select(const KernelTarget& target) const;

  /// Keys of a condition, but kernel versions and options, with the words that can stand there.
  using Words = std::map<std::string, std::vector<std::string>, std::less<>>;

  struct Condition {
    Words any_of;  // of each key, one of its words must hold
    KernelRange kernels;
    std::vector<std::string> if_set;
  };
  struct Requirement {
    KernelRequirement option;
    Condition when;
    std::string place;  // `<file>:<line>`
  };
  struct Group {
    std::string description, lsm;
    bool on_request = false;
    Condition when;
    std::vector<std::string> includes;
    std::vector<Requirement> requirements;
  };

 private:
  std::map<std::string, Group, std::less<>> groups_;
};

/// The tables in the executable (made by CMake from kernel-configs/). Any thread may ask.
const KernelTable& kernel_table();

/// Throws `unknown group of kernel requirements '…', expected …`.
void check_requirement_group(const std::string& name);

}  // namespace builder
