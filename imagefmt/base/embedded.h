// SPDX-License-Identifier: Apache-2.0
//
// Files that the executable carries in itself (CMake's embed_files).
#pragma once

#include <span>
#include <string_view>

namespace imagefmt {

struct EmbeddedFile {
  std::string_view name;  // the last component of its path in the source tree
  std::string_view bytes;
};

}  // namespace imagefmt
