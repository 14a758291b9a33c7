// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <system_error>
#include <thread>
#include <utility>

#include "imagefmt/base/error.h"

namespace imagefmt {

/// A thread that runs `body`, which does not throw. Throws `cannot start a thread: …`.
template <class Body>
std::jthread start_thread(Body body) {
  try {
    return std::jthread(std::move(body));
  } catch (const std::system_error& failure) {
    throw_errno("start a thread", failure.code().value());
  }
}

}  // namespace imagefmt
