// SPDX-License-Identifier: Apache-2.0
//
// Policy modules: which files they are, which of two with one name counts, and their bytes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "imagefmt/base/embedded.h"

namespace policy {

enum class ModuleForm {
  kPackage,  // .pp: a binary module package of checkmodule and semodule_package
  kCil,      // .cil: CIL source
};

/// What modules of one name outbid each other with, as in semodule: the highest counts.
constexpr int kNixosPriority = 50;      // our own, embedded: any file overrides them
constexpr int kFolderPriority = 100;    // --policy
constexpr int kOverridePriority = 400;  // --policy-module

struct Module {
  std::string name;
  std::string path;  // for messages; `nixos/NAME.cil` for an embedded one
  int priority = kFolderPriority;
  ModuleForm form = ModuleForm::kCil;
  std::string bytes;  // decompressed, but of read_modules()
};

struct ModuleSources {
  std::string folder;                  // --policy
  std::vector<std::string> overrides;  // --policy-module
  std::vector<std::string> removed;    // --policy-remove: names
};

/// The modules that make up the policy, each name once, sorted by name.
///
/// Those of the folder are all files at any depth, through symlinks, that are named `NAME.pp` or
/// `NAME.cil`, with or without the suffix of a compression (.bz2 .gz .xz .lzma .zst .lz4 .Z); other
/// files are none. Refuses a name that is there twice at one priority, a removed name that is not
/// there, a folder without modules, and contents that are damaged or larger than 128 MiB.
std::vector<Module> load_modules(const ModuleSources& sources, unsigned jobs);

/// The two halves of load_modules(): their bytes as the files have them, which tells modules apart
/// in a tenth of the time; then what is packed in them.
std::vector<Module> read_modules(const ModuleSources& sources);
void unpack_modules(std::vector<Module>& modules, unsigned jobs);

/// Our own modules (policy/nixos/*.cil).
std::span<const imagefmt::EmbeddedFile> nixos_modules();

}  // namespace policy
