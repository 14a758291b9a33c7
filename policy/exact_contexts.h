// SPDX-License-Identifier: Apache-2.0
//
// The build's proof of what each inode is labelled, as a file_contexts. (What the image itself
// carries is in etc_selinux.h.)
#pragma once

#include <string>
#include <string_view>

#include "imagefmt/tree.h"

namespace policy {

/// A pattern that matches `path` and nothing else, as libselinux 3.4 reads it: metacharacters
/// behind a backslash, blanks and bytes outside ASCII as `[\xhh]`.
std::string escape_pattern(std::string_view path);

/// An exact rule for each node of a labelled tree, with its type, sorted by the bytes of the paths.
/// FileContexts answers each node from it with the node's own label.
std::string serialize_exact_contexts(const imagefmt::FileTree& tree);

}  // namespace policy
