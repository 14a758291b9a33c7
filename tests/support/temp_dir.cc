// SPDX-License-Identifier: Apache-2.0
#include "tests/support/temp_dir.h"

#include <cstdlib>
#include <filesystem>

namespace tests {

TempDir::TempDir() : path_((std::filesystem::temp_directory_path() / "intaglio-XXXXXX").string()) {
  if (!mkdtemp(path_.data())) imagefmt::throw_errno("create a temporary folder");
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace tests
