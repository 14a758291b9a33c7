// SPDX-License-Identifier: Apache-2.0
//
// The one place that knows which image formats there are.
#pragma once

#include <string>

#include "imagefmt/tree.h"

namespace builder {

/// Reads an image of any format that we write, told by its magic number. Contents are read from
/// the file when asked for.
imagefmt::FileTree read_image(const std::string& path);

/// The same with the numbers of its inodes.
imagefmt::NumberedTree read_numbered_image(const std::string& path);

/// Of the same formats, as policies call them (`fs_use_xattr squashfs`): told by the magic number,
/// too.
std::string filesystem_of(const std::string& path);

}  // namespace builder
