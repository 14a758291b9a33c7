// SPDX-License-Identifier: Apache-2.0
//
// On-disk structs (endian.h) as bytes.
#pragma once

#include <algorithm>
#include <type_traits>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

/// Good while `value` lives.
template <class T>
ByteView bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
  return {reinterpret_cast<const uint8_t*>(&value), sizeof value};
}

inline void append(Bytes& bytes, ByteView more) {
  // Not insert(), whose growth GCC 12 takes for an overflow.
  const size_t size = bytes.size();
  bytes.resize(size + more.size());
  std::copy(more.begin(), more.end(), bytes.begin() + static_cast<ptrdiff_t>(size));
}

}  // namespace imagefmt
