// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "builder/assemble.h"
#include "builder/policy_options.h"
#include "builder/splits.h"
#include "imagefmt/compression.h"

namespace builder {

struct BuildOptions {
  std::string closure;     // folder of nixpkgs' closureInfo
  std::string toplevel;    // empty: the one of the closure
  std::string store_root;  // the folder under which /nix/store lies; empty: `/`
  std::string board;       // a name, or a .toml file
  std::string contents;    // JSON file of extra entries; empty: none
  PolicyOptions policy;
  policy::SelinuxMode mode = policy::SelinuxMode::kEnforcing;
  std::optional<InitKind> init;  // default: sealed, as every read-only root
  imagefmt::Compression compression = imagefmt::Compression::kZstd;
  std::optional<int> level;
  std::string output;
  bool verify = true;          // the labels of what was written; --no-verify: false
  bool report_splits = false;  // costs an lstat for each file of the store
  int64_t source_date_epoch = 1;
  unsigned jobs = 0;
};

struct BuildResult {
  uint64_t inodes = 0;
  uint64_t root_bytes = 0;
  std::string kernel_release;
  uint32_t policy_version = 0;
  std::optional<Splits> splits;  // if they were asked for
};

/// Makes an output folder: whole, or not at all. See contract in README ("Use", "Guarantees").
BuildResult build(const BuildOptions& options, imagefmt::Reporter& reporter);

}  // namespace builder
