# SPDX-License-Identifier: Apache-2.0
#
# Hydra's jobset: the policy, the root and the release of every board of an architecture, all of one system. `system` says what is built:
#
#   { arch = "x86_64"; toplevel; kernel; kernelVersion; initrd; kernelParams; policy = { modules; … }; }
#
# and, where boards need it, contents, labelRules, deviceTrees, osRelease, efiStub, systemdBoot, keyblock and signingKey: what
# compilePolicy, buildRoot and buildBoot of lib.nix take. `boards` picks some by name.
{ pkgs ? import <nixpkgs> { }
, intaglio ? pkgs.intaglio or (pkgs.callPackage ./package.nix { })
, system
, boards ? null
}:
let
  lib = import ./lib.nix { inherit pkgs intaglio; };
  inherit (builtins) attrNames concatStringsSep elem filter intersectAttrs isAttrs listToAttrs map removeAttrs;

  needed = [ "arch" "toplevel" "kernel" "kernelVersion" "initrd" "policy" ];
  missing = filter (name: !(system ? ${name})) needed;
  checked =
    if !isAttrs system then throw "intaglio.hydra: system: expected an attribute set, found a ${builtins.typeOf system}"
    else if missing != [ ] then throw "intaglio.hydra: system: it lacks ${concatStringsSep ", " missing}"
    else system;

  of_architecture = filter (name: lib.boards.${name}.arch == checked.arch) (attrNames lib.boards);
  chosen =
    if of_architecture == [ ] then throw "intaglio.hydra: system: no board is '${toString checked.arch}'"
    else if boards == null then of_architecture
    else map (name: if elem name of_architecture then name else throw "intaglio.hydra: boards: no board '${name}' of ${checked.arch}") boards;

  # What `function` takes of the system.
  given_to = function: intersectAttrs (builtins.functionArgs function) (removeAttrs checked [ "policy" "init" ]);

  policy = lib.compilePolicy (checked.policy // { inherit (checked) kernelVersion; });
  root = lib.buildRoot (given_to lib.buildRoot // { inherit policy; });
  release = board: let
    boot = lib.buildBoot (given_to lib.buildBoot // { inherit board; });
    disk = if lib.hasDisk { inherit board; bootKind = checked.bootKind or null; } then lib.buildDisk { inherit root boot; } else null;
  in lib.buildRelease { inherit root boot disk; };
in
{
  inherit policy root;
  releases = listToAttrs (map (board: { name = board; value = release board; }) chosen);
  labels = lib.labelClosure (given_to lib.labelClosure // checked.policy);
}
