// SPDX-License-Identifier: Apache-2.0
//
// RSA keys as vboot keeps them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "imagefmt/base/bytes.h"
#include "imagefmt/depthcharge/format.h"

namespace imagefmt::depthcharge {

/// The bytes that a structure in `whole` at `base` points to. Throws `<what> … reaches beyond …`.
ByteView pointed_at(ByteView whole, uint64_t base, uint32_t offset, uint32_t size,
                    std::string_view what);

/// A public key that verifies, or a private one that signs too: PKCS #1 version 1.5.
class Key {
 public:
  /// `data`: what the packed key points to. Throws what is wrong with it.
  static Key from_packed(uint32_t algorithm, ByteView data);
  /// The contents of a .vbprivk.
  static Key from_private(ByteView bytes);
  Key(Key&&) noexcept;
  ~Key();

  /// Whether one verifies what the other signs.
  bool is_pair_of(const Key& other) const;
  size_t signature_bytes() const;
  std::string sign(ByteView data) const;
  bool verifies(ByteView data, ByteView signature) const;

 private:
  struct State;
  explicit Key(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A keyblock at the start of `bytes`, checked but for who signed it.
struct CheckedKeyblock {
  ByteView bytes;  // all of it
  Key data_key;
};
CheckedKeyblock check_keyblock(ByteView bytes);

}  // namespace imagefmt::depthcharge
