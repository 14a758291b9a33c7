# SPDX-License-Identifier: Apache-2.0
#
# The whole closure, and what `make` hands out of it. `package_list` is the file that `make` writes, `architecture` Debian's
# name of one.
{ package_list, architecture }:
let
  system = import ./system.nix { inherit package_list architecture; };
in
import ./closure-info.nix {
  inherit (system) lib toplevel;
  contents = builtins.toJSON system.contents;
}
