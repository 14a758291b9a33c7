// SPDX-License-Identifier: Apache-2.0
//
// Symlinks of a file tree, followed as the kernel of the appliance will follow them: an absolute
// target starts at the tree's root, and nothing of the host is looked at.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "imagefmt/tree.h"

namespace builder {

struct Found {
  std::string path;  // without links, '.' and '..'
  const imagefmt::Node* node;
};

/// What an absolute path of the tree leads to; no value if a link dangles, if a component on the
/// way is no folder, or if more than 40 links (MAXSYMLINKS of Linux) had to be followed.
std::optional<Found> find_following(const imagefmt::FileTree& tree, std::string_view path);

/// The same, where the thing found must be a folder or a regular file. Throws `cannot read
/// '<path>': …` if it is not there, or is something else.
Found folder_at(const imagefmt::FileTree& tree, std::string_view path);
/// The bytes of a file, at most `limit_bytes`.
std::string read_text_at(const imagefmt::FileTree& tree, std::string_view path,
                         uint64_t limit_bytes = uint64_t{64} << 20);

/// Puts `tail` after `folder`: "/" + "etc" is "/etc", "/etc" + "hosts" is "/etc/hosts".
std::string join_path(std::string_view folder, std::string_view tail);

}  // namespace builder
