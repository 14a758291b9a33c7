// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "builder/image.h"
#include "builder/sizes.h"
#include "imagefmt/base/reporter.h"

namespace builder {

struct PackOptions {
  std::string root;            // the folder
  std::string file_contexts;   // read with its .homedirs, .local, .subs and .subs_dist
  std::string policy;          // a policy.N that must know each context; empty: none is asked
  bool project_store = false;  // /nix/store/<hash>-<name>/… by its place in the FHS
  std::string label_rules;     // a file of the user's; empty: ours alone
  std::string output;
  ImageOptions image;
};

struct PackResult {
  uint64_t inodes = 0, contexts = 0;
  ImageSizes sizes;
};

/// Makes an image of a folder, whole or not at all: modes, owners, times and xattrs as they are,
/// labels from the rules. Throws what cannot be read, labelled or held by the format, all of a kind
/// at once.
PackResult pack(const PackOptions& options, imagefmt::Reporter& reporter);

}  // namespace builder
