// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "builder/image.h"
#include "builder/sizes.h"
#include "imagefmt/base/reporter.h"

namespace builder {

/// A rule of what is left out of the image (imagefmt/selection.h), as the user has given it.
struct PathRule {
  enum class Kind { kExclude, kInclude, kExcludeFrom };
  Kind kind;
  std::string text;  // a pattern, or the file that has them
};

struct PackOptions {
  std::string root;                 // the folder, or
  std::string tar;                  // the archive; `-`: the standard input
  std::optional<char> list_end;     // of the folder only the paths on standard input, which end so
  std::vector<PathRule> rules;      // the last one that matches a path holds
  std::vector<std::string> owners;  // PATTERN=uid:gid:mode; the last one holds
  std::string file_contexts;        // read with its .homedirs, .local, .subs and .subs_dist
  std::string policy;               // a policy.N that must know each context; empty: none is asked
  bool project_store = false;       // /nix/store/<hash>-<name>/… by its place in the FHS
  std::string label_rules;          // a file of the user's; empty: ours alone
  std::string output;
  ImageOptions image;
};

struct PackResult {
  uint64_t inodes = 0, contexts = 0;
  ImageSizes sizes;
};

/// Makes an image of a folder or of a tar archive, whole or not at all, and the index beside it:
/// modes, owners, times and xattrs as they are there or as `owners` say, labels from the rules. `in`
/// is the standard input. Throws what cannot be read, labelled or held by the format, all of a kind
/// at once. `describe` is called when the image is made and has yet to take its name: if it throws,
/// there is none.
void pack(const PackOptions& options, std::istream& in, imagefmt::Reporter& reporter,
          const std::function<void(const PackResult&)>& describe);

}  // namespace builder
