// SPDX-License-Identifier: Apache-2.0
//
// A tree as text, a line a node: what `inspect` prints, `diff` compares and tests keep as golden
// files. Fields are separated by tabs: path, type, mode, uid, gid, size, label (`-` if none), and
// for a symlink its target.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/tree.h"

namespace imagefmt {

/// Bytes outside printable ASCII, blanks and backslash as `\ooo`.
std::string escape(std::string_view bytes);

/// One line, without its newline.
std::string dump_node(const std::string& path, const Node& node);

/// All lines, sorted by the bytes of the (unescaped) path.
std::vector<std::string> dump(const FileTree& tree);

}  // namespace imagefmt
