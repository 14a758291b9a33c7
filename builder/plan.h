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
  std::string root_image;          // how large it gets, compressing it tells
  uint64_t inodes = 0;
  uint64_t data_bytes = 0;  // of the root's regular files, equal ones counted each time
  std::map<std::string, uint64_t> data_bytes_by_store_path;  // empty: outside of the store
  std::map<std::string, uint64_t> inodes_by_context;
};

/// REQUIRES: a system that was labelled for a board.
BuildPlan plan(const LabelledSystem& system);

/// A line an item, amounts first: files, labels, then store paths, the largest first.
std::string to_text(const BuildPlan& plan);

}  // namespace builder
