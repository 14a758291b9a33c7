// SPDX-License-Identifier: Apache-2.0
//
// Trees to and from folders of the host.
#pragma once

#include <string>

#include "imagefmt/tree.h"

namespace imagefmt {

/// Creates a folder, mode 0755.
void make_folder(const std::string& path);

/// Writes what lies below the tree's root into the folder `path`, which exists. Owners, labels and
/// times are left behind: this is for a person and for scripts, not for an image. Throws
/// `cannot write '<path>': …` for a device or socket, and if something stands there.
void write_folder(const FileTree& tree, const std::string& path);

}  // namespace imagefmt
