// SPDX-License-Identifier: Apache-2.0
//
// SHA-256, for manifests and for everything that is derived instead of drawn at random.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

using Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  Sha256& update(ByteView bytes);
  Sha256& update(std::string_view text) { return update(as_bytes(text)); }
  /// REQUIRES: called once, last.
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view text);
/// Lower-case hexadecimal.
std::string to_hex(ByteView bytes);

}  // namespace imagefmt
