// SPDX-License-Identifier: Apache-2.0
//
// Integers as on-disk structs hold them: arrays of bytes in a fixed order, so that a struct may be
// laid over unaligned bytes on any host.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace imagefmt {

template <class T, bool kLittle>
class EndianInteger {
 public:
  EndianInteger() = default;
  EndianInteger(T value) {  // NOLINT: implicit, so that fields read and assign like integers
    for (size_t i = 0; i < sizeof(T); ++i) {
      bytes_[kLittle ? i : sizeof(T) - 1 - i] = static_cast<uint8_t>(value >> (8 * i));
    }
  }
  operator T() const {  // NOLINT
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value | static_cast<T>(bytes_[kLittle ? i : sizeof(T) - 1 - i])
                                         << (8 * i));
    }
    return value;
  }

 private:
  std::array<uint8_t, sizeof(T)> bytes_{};
};

using le16 = EndianInteger<uint16_t, true>;
using le32 = EndianInteger<uint32_t, true>;
using le64 = EndianInteger<uint64_t, true>;
using be16 = EndianInteger<uint16_t, false>;
using be32 = EndianInteger<uint32_t, false>;
using be64 = EndianInteger<uint64_t, false>;

}  // namespace imagefmt
