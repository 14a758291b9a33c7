// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "imagefmt/base/digest.h"
#include "imagefmt/tree.h"

namespace imagefmt {

/// A digest of everything in the tree but the bytes of files, which are not read, and of
/// `identity`, which stands for them. What formats want at random derives from it: equal trees of
/// equal sources have equal images.
Digest identity_of(const FileTree& tree, std::string_view identity);

/// One of several values that derive from one identity.
Digest derive(const Digest& identity, std::string_view purpose);

}  // namespace imagefmt
