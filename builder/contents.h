// SPDX-License-Identifier: Apache-2.0
//
// --contents FILE: what the user adds to the root of an image, as a JSON list of
//
//   {"target": "/usr", "type": "symlink|file|directory", "source": "…",
//    "mode": "0755", "user": 0, "group": 0}
//
// `source` is a symlink's text; a file's path on the host; and, if it is given, the folder of the
// host that a directory is a copy of. A path in /nix/store is looked up below the store root, any
// other relative one beside FILE. Owners are numbers or names of the image; they hold for all of a
// copied folder. Without `mode` a folder is 0755 and a file 0755 or 0644, as its owner may execute
// the source or not; a mode means nothing for a symlink.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "builder/accounts.h"
#include "builder/root.h"

namespace builder {

struct ContentsEntry {
  enum class Type { kSymlink, kFile, kDirectory };
  using Owner = std::variant<uint32_t, std::string>;

  std::string target;  // absolute, without empty, '.' and '..' components
  Type type = Type::kFile;
  std::string source;  // empty for a directory that is no copy
  std::optional<uint16_t> mode;
  Owner user = 0u, group = 0u;
  std::string origin;  // `entry 3 of 'contents.json'`
};

/// Throws every mistake: what is no JSON, an unknown key or type, a bad mode, a target that is not
/// absolute or has '..' in it, a missing source.
std::vector<ContentsEntry> parse_contents(std::string_view json, std::string_view name);

/// Adds the entries in the order given. `store_root` is
/// the folder under which /nix/store lies, "" for the host's own; `folder` is the one that holds
/// the file of the entries. Throws every mistake: a source that is not there, an unknown owner, a
/// path that somebody else supplies.
void add_contents(Root& root, const std::vector<ContentsEntry>& entries,
                  const std::string& store_root, const std::string& folder,
                  const Accounts& accounts);

}  // namespace builder
