// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>

#include <string>

#include "builder/assemble.h"
#include "tests/support/temp_dir.h"

namespace tests {

/// A store in memory, shaped like a NixOS system's: a toplevel with systemd, sw, etc and init, and
/// whatever a test adds.
class NixosStore {
 public:
  NixosStore() {
    text(toplevel + "/init", "#!");
    link(toplevel + "/etc", etc);
    link(toplevel + "/systemd", path('s', "systemd"));
    text(path('s', "systemd") + "/lib/systemd/systemd", "ELF");
    text(toplevel + "/sw/bin/sh", "sh");
    text(toplevel + "/sw/bin/env", "env");
    tree_.insert(etc, imagefmt::make_directory(0555));
    options.toplevel = toplevel;
    options.architecture = "x86_64";
  }

  static std::string path(char digit, const std::string& name) {
    return "/nix/store/" + std::string(32, digit) + '-' + name;
  }
  void text(const std::string& place, const std::string& bytes) {
    tree_.insert(place, imagefmt::make_regular(imagefmt::Content::from_bytes(bytes), 0444));
  }
  void link(const std::string& place, const std::string& target) {
    tree_.insert(place, imagefmt::make_symlink(target));
  }
  void activate(const std::string& script) { text(toplevel + "/activate", script); }
  void contents(std::string_view json) {
    options.contents = builder::parse_contents(json, "contents.json");
  }
  builder::Assembly assemble() const { return builder::assemble(tree_.clone(), options); }

  const std::string toplevel = path('t', "nixos-sys");
  const std::string etc = path('c', "etc") + "/etc";
  const std::string conf = path('f', "conf");
  const std::string users_json = path('u', "users-groups.json");
  builder::AssembleOptions options;

 private:
  imagefmt::FileTree tree_;
};

}  // namespace tests
