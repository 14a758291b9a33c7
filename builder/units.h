// SPDX-License-Identifier: Apache-2.0
//
// The units of an image and the programs that they run. Services have programs of their own, and
// sockets may; those of mounts, swaps and the like are systemd's choice.
#pragma once

#include <string>
#include <vector>

#include "builder/unit_search.h"

namespace builder {

struct UnitCommand {
  std::string key;          // `ExecStart` …
  std::string program;      // specifiers resolved
  std::string fault;        // why the program cannot be told; `program` is as written then
  bool privileged = false;  // `+`: outside of the unit's sandbox
};

struct Unit {
  UnitLocation location;
  std::string selinux_context;           // SELinuxContext=, without its `-`
  std::string root;                      // RootDirectory= or RootImage=
  std::vector<std::string> search_path;  // ExecSearchPath=
  bool no_new_privileges = false;        // asked for or implied
  std::string pam_name;                  // PAMName=
  std::vector<UnitCommand> commands;     // in the order of a unit's life
  std::vector<std::string> faults;       // what systemd refuses, as `FILE: line N: …`
};

/// Sorted by name; of sockets those that run programs. What is wrong with a unit is in its faults; throws only if a file cannot be read.
std::vector<Unit> read_units(const imagefmt::FileTree& tree, UnitManager manager);

}  // namespace builder
