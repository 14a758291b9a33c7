# SPDX-License-Identifier: Apache-2.0
#
# `nix-build nix -A checks`: what shows that the functions of lib.nix fit the program, on the system `pkgs.sample`. The tests'
# own `<nixpkgs>` has one; with nixpkgs, the examples are what is built.
{ pkgs, intaglio, lib }:
let
  inherit (pkgs) sample;
  jobs = arguments: import ./hydra.nix ({ inherit pkgs intaglio; system = sample; } // arguments);
  # The release of one board, of which `change` is told otherwise.
  release = board: change: (jobs { system = sample // change; boards = [ board ]; }).releases.${board};
  all = jobs { };
in
{
  inherit (all) policy root labels;
  # Every board of the architecture, on one root.
  releases = all.releases // { recurseForDerivations = true; };
  # One of them as UEFI starts it, in both ways.
  uki = release "qemu-x86_64" { bootKind = "uki"; };
  bls = release "qemu-x86_64" { bootKind = "bls"; };
  # The same once more with another console: one boot and its release.
  other_console = release "qemu-x86_64" { console = "ttyS1"; };
  fragment = lib.kernelFragment { board = "qemu-x86_64"; inherit (sample) kernelVersion; };

  # The program's own words for each board, for comparison with lib.boards.
  boards_of_program = pkgs.runCommand "boards" { } ''
    mkdir -p "$out"
    for board in ${builtins.concatStringsSep " " (builtins.attrNames lib.boards)}; do
      ${intaglio}/bin/intaglio boards "$board" >"$out/$board.toml"
    done
  '';
}
