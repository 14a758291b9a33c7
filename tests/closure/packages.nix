# SPDX-License-Identifier: Apache-2.0
#
# Debian packages as store paths: an attribute per package name. `list` is what `make` wrote:
# [{name, version, file, depends: [name]}], closed under `depends`.
{ lib, list }:
let
  inherit (builtins) concatMap elem filter genericClosure head listToAttrs map mapAttrs replaceStrings sort;

  packages = listToAttrs (map (package: { inherit (package) name; value = package; }) list);
  keys = map (key: { inherit key; });
  reached = mapAttrs (_: package: map (node: node.key) (genericClosure {
    startSet = keys package.depends;
    operator = node: keys packages.${node.key}.depends;
  })) packages;

  # Packages that depend on each other (libc6 and libgcc-s1) share a store path: Nix has no cycles.
  cycle = mapAttrs (name: others:
    sort (a: b: a < b) ([ name ] ++ filter (other: other != name && elem name reached.${other}) others)) reached;

  # Debian's epoch (`2:`) and `~` are no characters of a store path's name.
  plain_version = version: let parts = builtins.match "([0-9]+:)?(.*)" version; in
    replaceStrings [ "~" ] [ "-" ] (builtins.elemAt parts 1);
  deb = package: builtins.path { path = package.file; name = "${package.name}.deb"; };

  build = members: let leader = packages.${head members}; in lib.derive
    "${leader.name}-${plain_version leader.version}"
    {
      args = [ "-euo" "pipefail" ./package.sh ];
      inherit (lib.target) triplet loader;
      debs = map (name: deb packages.${name}) members;
      depends = map (name: built.${name})
        (filter (name: !elem name members) (concatMap (name: packages.${name}.depends) members));
    };

  built = mapAttrs (name: members: if head members == name then build members else built.${head members}) cycle;
in
built
