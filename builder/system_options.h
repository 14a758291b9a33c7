// SPDX-License-Identifier: Apache-2.0
//
// The options that say which system and which policy, shared by every command that labels a
// closure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "builder/assemble.h"
#include "builder/board.h"
#include "builder/boot_files.h"
#include "builder/kernel_requirements.h"
#include "builder/narinfo.h"
#include "builder/policy_options.h"

namespace builder {

struct SystemOptions {
  std::string closure;                   // what it is read from (closure_source.h)
  std::string toplevel;                  // empty: the one of the closure
  std::string store_root;                // the folder under which /nix/store lies; empty: `/`
  std::vector<TrustedKey> trusted_keys;  // of a binary cache; none: signatures do not count
  std::string spool_folder;  // for data that have to be unpacked; empty: temporary files'
  std::string contents;      // JSON file of extra entries; empty: none
  std::string label_rules;   // a file of the user's; empty: ours alone
  std::string board;         // a name, or a .toml file; empty: none, where nothing is booted
  BootOptions boot;          // how the board boots
  PolicyOptions policy;
  policy::SelinuxMode mode = policy::SelinuxMode::kEnforcing;
  KernelProfile kernel_profile = KernelProfile::kDevel;  // what the kernel is judged by
  std::optional<RootFormat> format;                      // of the root image; default: the board's
  std::string compression;       // of the root image, as --compression has it
  bool read_only = true;         // the root, once it is mounted
  std::optional<InitKind> init;  // default: sealed for a read-only root, else the closure's
  int64_t source_date_epoch = 1;
  unsigned jobs = 0;
};

}  // namespace builder
