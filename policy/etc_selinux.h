// SPDX-License-Identifier: Apache-2.0
//
// What lies in /etc/selinux of an image: `config` and the policy's folder as libselinux reads it
// (libselinux/src/file_path_suffixes.h). It holds no module store, no semanage.conf and no
// file_contexts.bin (whose compiled expressions belong to one version of PCRE2 on one machine).
//
// Of the folder with the application contexts, everything is taken except what the build makes
// itself, `*.bin`, and what an administrator changed on some machine (`file_contexts.local` and
// `.subs`, which are left out with a warning: rules for an image are policy modules).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"
#include "policy/accounts.h"
#include "policy/policydb.h"

namespace policy {

enum class SelinuxMode { kEnforcing, kPermissive };
/// As /etc/selinux/config and the command line spell it.
std::string_view to_text(SelinuxMode mode);

/// What compiling a policy gives.
struct PolicyFiles {
  std::string_view name;           // SELINUXTYPE
  uint32_t version = 0;            // of `binary`, and in its file's name
  bool mls = false;                // MLS or MCS
  std::string_view binary;         // policy.N
  std::string_view file_contexts;  // as cil_filecons_to_string sorts them, templates included
  std::string_view seusers;        // cil_selinuxusers_to_string
  std::string_view user_prefixes;  // cil_userprefixes_to_string
};

struct SelinuxFolder {
  imagefmt::FileTree tree;                  // its root becomes /etc/selinux
  std::vector<std::string> home_templates;  // see HomeRules::templates
  std::vector<std::string> warnings;        // what was left out, each with the reason
};

/// Makes the folder. Reads `contexts_folder` of the host and nothing else. Throws if a file that
/// enforcing systems need is missing (one Error names all), if labels and policy disagree about
/// MLS, if `seusers` names what the policy does not know, or if `binary` is not what `files` says
/// of it.
SelinuxFolder make_selinux_folder(const PolicyFiles& files, const PolicyDb& policy,
                                  SelinuxMode mode, const std::string& contexts_folder,
                                  const ImageAccounts& accounts);

/// Throws what make_selinux_folder() would of the files of `folder` that it needs and reads: to be
/// asked before a policy is compiled.
void check_contexts_folder(const std::string& folder);

/// The application contexts that belong to a folder with policy modules: `contexts` in it, else
/// where Debian (/usr/share/selinux/NAME and /etc/selinux/NAME/contexts) and nixpkgs
/// ($out/share/selinux/NAME and $out/etc/selinux/NAME/contexts) put them. Throws an Error that
/// lists the places if there is none.
std::string find_contexts_folder(const std::string& policy_folder);

/// The rules that libselinux finds on the device: those of the policy, without the ones below
/// /nix/store, whose labels are engraved and which nothing on the device shall relabel; that is
/// what the last line says. `rules` holds no templates.
std::string image_file_contexts(std::string_view rules);

/// Throws unless `name` can be a SELINUXTYPE: letters, digits, '_' and '-', and not `config`, where
/// the file of that name stands.
void check_policy_name(std::string_view name);

/// Throws if the policy does not make the kernel read labels from `filesystem`.
/// `xattr_filesystems` are the types in its fs_use_xattr rules.
void check_labels_are_read(std::string_view policy_name,
                           const std::vector<std::string>& xattr_filesystems,
                           std::string_view filesystem);

/// Appends a message for each context in `text` that has a level though the policy is not MLS, or
/// none though it is. `file` is the file's path in the policy's folder, by which its form is known
/// (default_contexts and the like leave out the SELinux user).
void find_level_faults(std::string_view file, std::string_view text, bool mls,
                       std::vector<std::string>& faults);

}  // namespace policy
