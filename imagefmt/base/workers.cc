// SPDX-License-Identifier: Apache-2.0
#include "imagefmt/base/workers.h"

#include <utility>

#include "imagefmt/base/thread.h"

namespace imagefmt {

Workers::Workers(unsigned count) {
  threads_.reserve(count);
  try {
    for (unsigned worker = 0; worker < count; ++worker) {
      threads_.push_back(start_thread([this, worker] { run(worker); }));
    }
  } catch (...) {
    if (threads_.empty()) throw;  // fewer than wanted will do
  }
}

Workers::~Workers() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

void Workers::push(std::function<void(unsigned)> task) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

void Workers::run(unsigned worker) {
  while (true) {
    std::function<void(unsigned)> task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(worker);
  }
}

}  // namespace imagefmt
