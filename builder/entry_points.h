// SPDX-License-Identifier: Apache-2.0
//
// Which domain each program of an image's units will run in: what the label of its file and the
// policy make of systemd executing it.
//
// systemd runs in the domain that policy::find_init_domain() gives for the label of the toplevel's
// systemd/lib/systemd/systemd. A unit's SELinuxContext= wins over the type_transition; without either,
// the program stays in systemd's domain. Of a script, the kernel takes the script's own label.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/units.h"
#include "imagefmt/tree.h"
#include "policy/execution.h"

namespace builder {

enum class Standing {
  kConfined,
  kUnconfined,  // systemd's own domain, initrc_t or unconfined_*: nothing was written for it
  kUnknown,     // the domain cannot be told: `note` says why
};

struct EntryPoint {
  std::string key;          // `ExecStart` …; empty of what `note` says of the whole unit
  std::string program;      // as the unit has it
  std::string file;         // what is executed, without links; empty if it is not in the image
  std::string interpreter;  // of a script: the path after `#!`
  std::string label;        // of `file`
  policy::Execution execution;
  Standing standing = Standing::kUnknown;
  std::string note;
};

struct UnitEntryPoints {
  Unit unit;
  std::vector<EntryPoint> entry_points;  // at least one
};

struct EntryPoints {
  std::string init, init_label, init_domain;  // of systemd itself
  std::vector<UnitEntryPoints> system, user;  // sorted by name
};

/// Of a labelled tree. A user's units run below a systemd of that user's, in a domain that the login
/// decides: they have a label, and a domain only by their SELinuxContext=. Throws if a file cannot be
/// read, or if the tree has no systemd.
EntryPoints find_entry_points(const imagefmt::FileTree& tree, std::string_view toplevel,
                              const policy::PolicyRules& rules);

}  // namespace builder
