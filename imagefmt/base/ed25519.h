// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

#include "imagefmt/base/bytes.h"

namespace imagefmt {

constexpr size_t kEd25519KeyBytes = 32, kEd25519SignatureBytes = 64;
using Ed25519Key = std::array<uint8_t, kEd25519KeyBytes>;

/// Whether `signature` is one of `message` by the key (RFC 8032). One of another length is not.
bool is_ed25519_signature(ByteView signature, std::string_view message, const Ed25519Key& key);

}  // namespace imagefmt
