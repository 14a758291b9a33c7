// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>

#include "builder/cli.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  umask(022);  // modes of outputs do not depend on the caller's
  builder::Io io{std::cin, std::cout, std::cerr, isatty(STDERR_FILENO) == 1};
  if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
    const char* end = epoch + std::strlen(epoch);
    auto [stop, failure] = std::from_chars(epoch, end, io.source_date_epoch);
    if (failure != std::errc() || stop != end || io.source_date_epoch < 0) {
      std::cerr << fmt::format("intaglio: SOURCE_DATE_EPOCH is no number of seconds: '{}'\n",
                               epoch);
      return 2;
    }
  }
  try {
    return builder::run({argv + 1, argv + argc}, io);
  } catch (const std::exception& error) {
    // Not one of ours: a bug, but it still gets a line and a status of 1.
    std::cerr << "intaglio: internal error: " << error.what() << '\n';
    return 1;
  }
}
