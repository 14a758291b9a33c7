// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <list>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace imagefmt {

/// The values that were used last, by their positions in an image. A Value is a pointer. For any
/// thread.
template <class Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(size_t capacity) : capacity_(capacity) {}

  /// Null if it is not there.
  Value find(uint64_t position) {
    std::lock_guard lock(mutex_);
    auto place = places_.find(position);
    if (place == places_.end()) return nullptr;
    order_.splice(order_.begin(), order_, place->second);
    return place->second->second;
  }
  void add(uint64_t position, Value value) {
    std::lock_guard lock(mutex_);
    if (places_.contains(position)) return;
    order_.emplace_front(position, std::move(value));
    places_[position] = order_.begin();
    if (order_.size() > capacity_) {
      places_.erase(order_.back().first);
      order_.pop_back();
    }
  }

 private:
  using Order = std::list<std::pair<uint64_t, Value>>;  // oldest last
  size_t capacity_;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<uint64_t, typename Order::iterator> places_;
};

}  // namespace imagefmt
