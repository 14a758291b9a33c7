# SPDX-License-Identifier: Apache-2.0
#
# The whole closure, and what `make` hands out of it. `package_list` is the file that `make` writes.
{ package_list }:
let
  system = import ./system.nix { inherit package_list; };
in
import ./closure-info.nix {
  inherit (system) lib toplevel;
  contents = builtins.toJSON system.contents;
}
