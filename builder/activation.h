// SPDX-License-Identifier: Apache-2.0
//
// What NixOS does when it activates a system, and where each piece of it comes from in an image
// that is sealed and activates nothing. The toplevel's `activate` is a shell script of snippets,
// each under a line `#### Activation script snippet NAME:`
// (nixos/modules/system/activation/activation-script.nix).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

enum class Honoured {
  kInImage,      // what it makes lies in the image
  kAtBoot,       // the kernel, systemd or our first process does it
  kCommandLine,  // a kernel parameter does it
  kNothing,      // it makes nothing
  kNot,          // it cannot be had without activation
};

struct ActivationRule {
  std::string_view name;
  std::string_view does;  // what the snippet does, as `it <does>`
  Honoured honoured;
  std::string_view how;  // where that comes from in a sealed image, or why it does not
};

/// The one table of what activation makes, sorted by name.
std::span<const ActivationRule> activation_rules();
const ActivationRule* find_activation_rule(std::string_view name);

struct Snippet {
  std::string name;
  std::string text;  // without what the generator puts around it; empty if there is nothing else
};

/// What the builder takes from an `activate` script. Nothing of it is executed.
struct Activation {
  std::vector<Snippet> snippets;
  std::optional<std::string> users_groups;  // /nix/store/…-users-groups.json
  std::optional<std::string> bin_sh;        // what /bin/sh is linked to
  std::optional<std::string> usr_bin_env;   // what /usr/bin/env is linked to
  std::optional<std::string> modprobe;      // what /proc/sys/kernel/modprobe gets
  std::optional<std::string> firmware;      // what firmware_class.path gets
  std::optional<std::string> domain;        // what domainname(1) gets
};

/// Throws `<name>:<line>: …` if the script names two users-groups.json.
Activation parse_activation(std::string_view script, std::string_view name);

/// The kernel parameters that stand for snippets, in a fixed order: the sysctl.* ones need
/// Linux 5.8.
std::vector<std::string> activation_kernel_params(const Activation& activation);

/// A line for each snippet that a sealed image does without, naming it and why.
std::vector<std::string> activation_warnings(const Activation& activation);

}  // namespace builder
