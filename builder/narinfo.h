// SPDX-License-Identifier: Apache-2.0
//
// `.narinfo`, what a binary cache says of a store path (Nix, libstore/nar-info.cc), and who signed it
// (libstore/path-info.cc, libstore/crypto.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/registration.h"
#include "imagefmt/base/ed25519.h"

namespace builder {

struct NarInfo {
  StorePathInfo info;
  std::string url;                       // of the NAR, relative to the cache: a path without '..'
  std::string compression;               // none, xz, …
  std::optional<std::string> file_hash;  // of that file: SHA-256, as StorePathInfo::nar_hash
  std::optional<uint64_t> file_size_bytes;
  std::vector<std::string> signatures;  // `name:base64`, in the order of the file
};

/// Throws all independent mistakes, `<name>:<line>: <reason>`; keys that say nothing of the content
/// are passed over.
NarInfo parse_narinfo(std::string_view text, std::string_view name);

/// The text that is signed: `1;path;hash;size;references`.
std::string fingerprint(const StorePathInfo& info);

/// A key as `nix-store --generate-binary-cache-key` writes its public half, `name:base64`.
struct TrustedKey {
  std::string name;
  imagefmt::Ed25519Key key{};
};
/// Throws UsageError.
TrustedKey parse_trusted_key(std::string_view text);

/// Throws `cannot trust '<path>': …` unless one of the keys has made one of the signatures.
void check_signed(const NarInfo& narinfo, const std::vector<TrustedKey>& keys);

}  // namespace builder
