// SPDX-License-Identifier: Apache-2.0
//
// Where the files of an image's units lie: along systemd's search path, by links, with their drop-ins
// (shared/unit-file.c, basic/conf-files.c and core/load-dropin.c of systemd 252). Units that a
// generator would make at boot are not among them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "builder/unit_file.h"
#include "imagefmt/tree.h"

namespace builder {

enum class UnitManager { kSystem, kUser };

struct UnitLocation {
  enum class State {
    kFound,
    kMasked,   // its file is empty, or leads to /dev/null
    kMissing,  // a link that leads nowhere
  };
  UnitName name;
  State state = State::kFound;
  std::string file;                   // without links; of a missing one where the link leads
  std::vector<std::string> aliases;   // its other names, sorted
  std::vector<std::string> drop_ins;  // without links, in the order in which they are read
};

/// The units whose type `is_wanted` says, sorted by name. A template is one unit, and an instance is
/// one of its own where the image has a file or drop-ins for it.
std::vector<UnitLocation> find_units(const imagefmt::FileTree& tree, UnitManager manager,
                                     const std::function<bool(std::string_view type)>& is_wanted);

}  // namespace builder
