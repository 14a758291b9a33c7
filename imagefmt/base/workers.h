// SPDX-License-Identifier: Apache-2.0
//
// Threads that compute ahead of one that orders: tasks begin in the order in which they are
// submitted, and whoever submitted them takes their results in that order.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace imagefmt {

class Workers {
 public:
  explicit Workers(unsigned count);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Waits for the tasks that have begun. The results of the others are empty ones: a broken promise
  /// would need memory, of which there may be none where an error ends the work.
  ~Workers();

  /// Runs `task(worker)` on a thread; `worker` counts from 0, so that a task can use what belongs
  /// to its thread. What it returns or throws is in the future.
  template <class Task>
  auto submit(Task task) {
    using Result = std::invoke_result_t<Task&, unsigned>;
    auto packaged = std::make_shared<std::packaged_task<Result(unsigned)>>(
        [this, task = std::move(task)](unsigned worker) mutable {
          return stopping_ ? Result() : task(worker);
        });
    std::future<Result> result = packaged->get_future();
    push([packaged](unsigned worker) { (*packaged)(worker); });
    return result;
  }

 private:
  void push(std::function<void(unsigned)> task);
  void run(unsigned worker);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void(unsigned)>> tasks_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> threads_;  // last: they use the rest
};

}  // namespace imagefmt
