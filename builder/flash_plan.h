// SPDX-License-Identifier: Apache-2.0
//
// How an output gets to its device: the commands that a person runs, and what only a person can do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/board.h"
#include "builder/manifest.h"

namespace builder {

/// An output folder of `build`.
struct FlashSource {
  std::string folder;  // as commands are to name it
  std::string command_line;
  std::vector<Artifact> artifacts;
};

struct FlashOptions {
  std::optional<FlashMethod> method;  // none: the board's usual one
  /// Of one sparse image: what `fastboot getvar max-download-size` says. No device is known that takes less.
  uint64_t max_download_bytes = uint64_t{256} << 20;
};

/// A file that a command wants, beside those of the output.
struct FlashFile {
  std::string name, text;
};

struct FlashStep {
  std::string note = {};                  // why, or what to do by hand
  std::vector<std::string> command = {};  // empty: by hand
  std::optional<FlashFile> file = {};     // to be written before
  // What the command writes, if it writes to the device.
  std::string artifact = {};   // its name in the output
  std::string partition = {};  // empty: the whole disk
  std::string slot = {};       // `all`, or empty: it has none, or the device's current one is taken
  uint64_t size_bytes = 0;
};

struct FlashPlan {
  std::string board, description;
  FlashMethod method;
  std::vector<FlashMethod> others;
  Slots slots;
  std::vector<FlashStep> steps;
};

/// Reads a root that is sent as sparse images, to know how many there will be. Throws, as `cannot plan how
/// to flash board '…': …`: a method that is not the board's, an artifact that is not there.
FlashPlan plan_flashing(const Board& board, const FlashSource& source, const FlashOptions& options);

/// A shell script, but for what its comments leave to a person.
std::string serialize_flash_script(const FlashPlan& plan);
std::string serialize_flash_json(const FlashPlan& plan);

}  // namespace builder
