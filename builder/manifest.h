// SPDX-License-Identifier: Apache-2.0
//
// manifest.json: what an output folder holds. A function of the build's inputs alone; times, rates
// and what the host looked like stand in the report.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/board.h"

namespace builder {

struct Artifact {
  std::string name;  // relative to the output folder
  /// root, index, kernel, kernel-config, initrd, cmdline, policy, file_contexts, disk, or a BootFile's.
  std::string kind;
  uint64_t size_bytes = 0;
  std::string sha256;  // lower-case hexadecimal
};

/// Of a whole output folder, or of a part of one (join.h): what a part does not know is empty.
struct Manifest {
  std::string board, boot, toplevel, kernel_version, policy_sha256, mode, cmdline;
  uint32_t policy_version = 0;
  std::vector<Artifact> artifacts;  // sorted by name
  /// Of a root image that is made for no board: what its kernel's command line must hold.
  std::vector<std::string> needed_params;
  uint64_t inodes = 0;
  std::map<std::string, uint64_t> inodes_by_context;
  /// `<pattern> <type flag>` as file_contexts has it, or a label rule as its file has it.
  std::map<std::string, uint64_t> inodes_by_rule;
};

/// Measures a file of the output folder.
Artifact make_artifact(const std::string& folder, std::string name, std::string kind);

/// JSON, indented, keys in a fixed order, with a newline at the end.
std::string serialize_manifest(const Manifest& manifest);

/// What is asked of an output folder afterwards.
struct ManifestSummary {
  std::string board;
  std::optional<BootKind> boot;  // by which it boots; none: an older build's, by the board's first
  std::string toplevel, kernel_version, cmdline;  // empty if they are not there
  std::map<std::string, std::string> files;       // of the folder itself: names by kind
  bool writes_root = false;                       // the command line says `rw`

  const std::string& root_image() const { return files.at("root"); }
};
/// Throws what is wrong, naming the file; there is a root image then.
ManifestSummary parse_manifest(std::string_view json, const std::string& name);
/// All that it lists. Throws alike.
std::vector<Artifact> parse_artifacts(std::string_view json, const std::string& name);

// Of an output folder.
std::string manifest_file(const std::string& folder);
std::string read_manifest_text(const std::string& folder);
ManifestSummary read_manifest(const std::string& folder);
/// The one line of its file `cmdline`.
std::string read_command_line(const std::string& folder);

}  // namespace builder
