// SPDX-License-Identifier: Apache-2.0
//
// What a command may touch of the world besides files: so that a whole command runs in a test.
#pragma once

#include <cstdint>
#include <iosfwd>

namespace builder {

struct Io {
  std::istream& in;
  std::ostream& out;  // results only
  std::ostream& err;  // progress and errors
  bool err_is_terminal = false;
  int64_t source_date_epoch = 1;  // seconds; every time that an output carries
};

}  // namespace builder
