// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace imagefmt {

/// Runs `body(i)` for every i below `count` on up to `jobs` threads (0: one a core). Body i writes
/// slot i of something sized beforehand, so the result does not depend on the order. If bodies
/// throw, the exception of the lowest index is rethrown when all have ended.
void parallel_for(unsigned jobs, size_t count, const std::function<void(size_t)>& body);

/// `jobs`, or the number of usable cores if it is 0; at least 1.
unsigned job_count(unsigned jobs);

}  // namespace imagefmt
