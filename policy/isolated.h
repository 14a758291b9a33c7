// SPDX-License-Identifier: Apache-2.0
//
// Work in a child process. libsepol is C code for trusted input: on a corrupt module it may crash,
// exit, take all memory or never end; it prints to stderr; and its CIL compiler and its module
// converter keep global state. In a child none of that reaches the build, and what it allocated
// need not be freed piece by piece.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/handle.h"

namespace policy {

struct IsolationLimits {
  uint64_t memory_bytes;  // of address space, beyond what the caller has
  unsigned cpu_seconds;
};

/// For libsepol's readers of binary forms: some hundred times of what sound input takes. A damaged
/// count can make them loop four billion times.
IsolationLimits limits_for_reading(uint64_t size_bytes);

using IsolatedBody = std::function<std::vector<std::string>()>;

/// `body` running in a child process, which sees memory as it was when this was made. May be made
/// and finished on any thread, and in a body too.
class Isolated {
 public:
  /// `action` reads `cannot <verb> '<name>'`.
  Isolated(std::string_view action, const IsolationLimits& limits, const IsolatedBody& body);
  Isolated(const Isolated&) = delete;
  Isolated& operator=(const Isolated&) = delete;
  /// Kills a child that was not waited for.
  ~Isolated();

  /// Waits, and gives the strings that the body returned. An Error that left the body is thrown
  /// here with its text. If the child ended otherwise, throws an Error
  /// `<action>: libsepol crashed (Segmentation fault)` with what the child printed.
  /// REQUIRES: called once.
  std::vector<std::string> finish();

 private:
  std::string action_;
  IsolationLimits limits_;
  imagefmt::UniqueFd result_, printed_;
  pid_t child_ = -1;
};

inline std::vector<std::string> run_isolated(std::string_view action, const IsolationLimits& limits,
                                             const IsolatedBody& body) {
  return Isolated(action, limits, body).finish();
}

/// What was printed to stdout or stderr since the last call, as one line with `; ` between lines.
/// REQUIRES: called in the body of an Isolated, by its first thread.
std::string take_printed();

}  // namespace policy
