// SPDX-License-Identifier: Apache-2.0
//
// What tests need that ask others: tools, and the running kernel.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "imagefmt/tree.h"

namespace tests {

/// Runs a shell command, which must succeed; its standard output.
std::string output_of(const std::string& command);

bool can_run(const char* tool);

/// Tells the reader of a test run what was not tested; where everything must be there, it fails.
#define REQUIRE_OR_SKIP(condition, what)                      \
  if (!(condition)) {                                         \
    ASSERT_FALSE(std::getenv("CI")) << what << " is missing"; \
    GTEST_SKIP() << what << " is missing";                    \
  }

/// Empty if there is none.
std::string xattr_of(const std::string& path, const std::string& name);

/// The tree below a folder, as lstat, getxattr and reading the files show it.
imagefmt::Node scan(const std::string& path);

/// An image mounted by the kernel for the length of a scope.
struct Mount {
  Mount(const std::string& image, const std::string& filesystem, std::string where,
        const std::string& options = "ro");
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  ~Mount();
  std::string point;
  bool succeeded = false;
};

}  // namespace tests
