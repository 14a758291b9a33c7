// SPDX-License-Identifier: Apache-2.0
//
// manifest.json: what an output folder holds. A function of the build's inputs alone; times, rates
// and what the host looked like stand in the report.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

struct Artifact {
  std::string name;  // relative to the output folder
  /// root, index, kernel, kernel-config, initrd, cmdline, policy, file_contexts, or a BootFile's.
  std::string kind;
  uint64_t size_bytes = 0;
  std::string sha256;  // lower-case hexadecimal
};

/// Of a whole output folder, or of a part of one (join.h): what a part does not know is empty.
struct Manifest {
  std::string board, toplevel, kernel_version, policy_sha256, mode, cmdline;
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

/// What `run` must know of an output folder. Throws what is wrong, naming the file.
struct ManifestSummary {
  std::string board;
  std::string root_image;  // the artifact's name
  bool writes_root;        // the command line says `rw`
};
ManifestSummary parse_manifest(std::string_view json, const std::string& name);

}  // namespace builder
