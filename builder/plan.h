// SPDX-License-Identifier: Apache-2.0
//
// What `build --dry-run` says: what an output folder would hold, as far as that is known before
// anything is compressed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "builder/build.h"

namespace builder {

struct PlannedFile {
  std::string name;  // relative to the output folder
  uint64_t size_bytes = 0;
};

struct BuildPlan {
  std::vector<PlannedFile> files;  // by name; all but manifest.json and the root image
  std::string root_image;
  std::optional<uint64_t> root_bytes;  // if the format knows it before it writes
  uint64_t inodes = 0;
  std::map<std::string, uint64_t> inodes_by_context;
  SizeTables data;  // of the root's regular files, without what is stored
};

/// REQUIRES: a system that was labelled for a board; the options that its root is written with.
/// Throws what the format's writer throws before it writes.
BuildPlan plan(const LabelledSystem& system, const ImageOptions& image);

/// A line an item, amounts first: files, labels, packages, then store paths, the largest first.
std::string to_text(const BuildPlan& plan);

}  // namespace builder
