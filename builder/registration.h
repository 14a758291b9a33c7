// SPDX-License-Identifier: Apache-2.0
//
// The two text files that nixpkgs' closureInfo makes. `store-paths`: a store path a line.
// `registration`: what `nix-store --load-db` reads and `nix-store --dump-db` writes (Nix,
// libstore/path-info.cc and store-api.cc, decodeValidPathInfo): for each path the lines
//
//   path, SHA-256 of its NAR, size of its NAR in bytes, deriver (may be empty),
//   count of references, and so many lines with a reference each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

struct StorePathInfo {
  std::string path;      // "/nix/store/<hash>-<name>"
  std::string nar_hash;  // SHA-256, 64 lower-case hexadecimal digits
  uint64_t nar_size_bytes = 0;
  std::vector<std::string> references;  // sorted, each once; a path may refer to itself
};

/// Of `paths`, which are sorted by the bytes of `path`; null if it is none of them.
const StorePathInfo* find_store_path(const std::vector<StorePathInfo>& paths,
                                     std::string_view path);

/// A number of such a file. Throws `bad <what> '<text>': …`.
uint64_t parse_decimal(std::string_view text, std::string_view what);

struct RegisteredPath {
  StorePathInfo info;
  size_t line = 0;
};

struct ListedPath {
  std::string path;
  size_t line = 0;
};

/// Both return their paths sorted by bytes, each once, all of them well formed. `name` stands in
/// messages: `<name>:<line>: <reason>`. All independent mistakes are thrown as one Error; what
/// leaves the place of the next record unknown ends the search for more.
std::vector<ListedPath> parse_store_paths(std::string_view text, std::string_view name);
/// Throws also where a reference leads out of the set: a registration is closed.
std::vector<RegisteredPath> parse_registration(std::string_view text, std::string_view name);

}  // namespace builder
