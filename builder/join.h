// SPDX-License-Identifier: Apache-2.0
//
// An output folder from parts that were made one by one: the root image without a board, and what a board
// boots from. A build makes all of it at once; made apart, many boards share one root image.
#pragma once

#include <string>
#include <vector>

namespace builder {

struct NamedManifest {
  std::string name;  // in messages
  std::string text;
};

/// The manifest that a build of all parts at once would write. Throws `cannot join '<a>' and '<b>': …` for
/// parts that contradict each other or hold the same file, and `cannot join '<root>' and '<boot>': …` if
/// the root needs a kernel parameter that the boot's command line lacks.
std::string join_manifests(const std::vector<NamedManifest>& parts);

/// Makes `output`, whole or not at all: that manifest, and symlinks to the files of `parts`.
void join_parts(const std::vector<std::string>& parts, const std::string& output);

}  // namespace builder
