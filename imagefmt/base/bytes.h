// SPDX-License-Identifier: Apache-2.0
//
// Views of bytes, arithmetic that cannot overflow in silence, and bounded reading.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "imagefmt/base/error.h"

namespace imagefmt {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline uint64_t checked_add(uint64_t a, uint64_t b, std::string_view what) {
  uint64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) throw Error(fmt::format("{} overflows", what));
  return sum;
}
inline uint64_t checked_mul(uint64_t a, uint64_t b, std::string_view what) {
  uint64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) throw Error(fmt::format("{} overflows", what));
  return product;
}
/// `alignment` is a power of two.
inline uint64_t align_up(uint64_t value, uint64_t alignment) {
  return checked_add(value, alignment - 1, "aligned size") & ~(alignment - 1);
}

/// Reads fields from a byte range in order; reading past the end throws
/// `<what> ends at offset N, expected M more bytes`.
class Cursor {
 public:
  Cursor(ByteView bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  ByteView take(size_t count) {
    if (count > bytes_.size() - offset_) {
      throw Error(fmt::format("{} ends at offset {}, expected {} more bytes", what_, bytes_.size(),
                              count - (bytes_.size() - offset_)));
    }
    ByteView taken = bytes_.subspan(offset_, count);
    offset_ += count;
    return taken;
  }
  /// T is trivially copyable and made of byte-array integers (endian.h).
  template <class T>
  T take_struct() {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) == 1);
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

 private:
  ByteView bytes_;
  std::string_view what_;
  size_t offset_ = 0;
};

}  // namespace imagefmt
