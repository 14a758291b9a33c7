// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/parallel.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "imagefmt/base/thread.h"

namespace imagefmt {

unsigned job_count(unsigned jobs) {
  if (jobs) return jobs;
  cpu_set_t usable;
  CPU_ZERO(&usable);
  if (sched_getaffinity(0, sizeof usable, &usable) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&usable)));
}

void parallel_for(unsigned jobs, size_t count, const std::function<void(size_t)>& body) {
  std::atomic<size_t> next = 0;
  std::vector<std::exception_ptr> failures(count);
  std::atomic<size_t> lowest_failed = count;
  auto work = [&] {
    for (size_t i = next++; i < count; i = next++) {
      // A body below a failed index still runs: its failure would be the one to report.
      if (i > lowest_failed) return;
      try {
        body(i);
      } catch (...) {
        failures[i] = std::current_exception();
        size_t lowest = lowest_failed;
        while (i < lowest && !lowest_failed.compare_exchange_weak(lowest, i)) {
        }
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    size_t wanted = std::min<size_t>(job_count(jobs), count);
    threads.reserve(wanted);
    try {
      while (threads.size() + 1 < wanted) threads.push_back(start_thread(work));
    } catch (...) {  // this thread and those that there are will do
    }
    work();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace imagefmt
