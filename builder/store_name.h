// SPDX-License-Identifier: Apache-2.0
//
// Names of the Nix store, as text alone: `/nix/store/<hash>-<name>`, and the hashes that Nix writes
// (libstore/path.cc, libutil/hash.cc). Nothing here looks at a disk.
#pragma once

#include <string>
#include <string_view>

#include "imagefmt/base/bytes.h"

namespace builder {

constexpr std::string_view kStoreFolder = "/nix/store";
constexpr size_t kStoreHashLength = 32;
constexpr size_t kMaxStoreName = 211;

/// Why `path` is not a store path, fit to stand after a colon; empty if it is one. A path below a
/// store path is not one.
std::string store_path_fault(std::string_view path);

/// `<hash>-<name>`. REQUIRES: a store path.
std::string_view base_name_of(std::string_view store_path);
/// `<name>`. REQUIRES: a store path.
std::string_view package_name_of(std::string_view store_path);

/// The store path that `path` names or lies below; empty if it lies outside of the store.
/// `/nix/store/h-a/bin/x` gives `/nix/store/h-a`. REQUIRES: no empty, '.' or '..' component.
std::string_view store_path_of(std::string_view path);

/// A SHA-256 as 64 lower-case hexadecimal digits, from what Nix reads: base16, Nix's base32 or
/// base64, each alone or after `sha256:`, or SRI (`sha256-<base64>`). Throws `bad hash '…':
/// <reason>`.
std::string parse_nar_hash(std::string_view text);
/// Nix's base32 of such a hash. REQUIRES: 64 hexadecimal digits.
std::string to_base32(std::string_view nar_hash);

/// Throws what is no base64 (RFC 4648, with its padding).
imagefmt::Bytes decode_base64(std::string_view text);

}  // namespace builder
