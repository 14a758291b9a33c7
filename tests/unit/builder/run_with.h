// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "builder/cli.h"

namespace builder {

/// How a run of the program ended, and what it printed.
struct Ran {
  int status = 0;
  std::string out, err;
};

/// Runs `intaglio ARGS…` in this process, `input` on its standard input.
inline Ran run_with(const std::vector<std::string>& args, const std::string& input = {}) {
  std::istringstream in(input);
  std::ostringstream out, err;
  Io io{in, out, err};
  const int status = run(args, io);
  return {status, out.str(), err.str()};
}

}  // namespace builder
