# SPDX-License-Identifier: Apache-2.0
#
# `nix-build nix -A checks`: what shows that the functions of lib.nix fit the program, on the system `pkgs.sample`. The tests'
# own `<nixpkgs>` has one; with nixpkgs, the examples are what is built.
{ pkgs, intaglio, lib }:
let
  inherit (pkgs) sample;
  policy = lib.compilePolicy (sample.policy // { inherit (sample) kernelVersion; });
  root = lib.buildRoot { inherit (sample) toplevel contents; inherit policy; };
  release = arguments: let
    boot = lib.buildBoot ({ inherit (sample) kernel initrd kernelParams toplevel osRelease efiStub systemdBoot; } // arguments);
    has_disk = lib.hasDisk { inherit (arguments) board; bootKind = arguments.bootKind or null; };
  in lib.buildRelease { inherit root boot; disk = if has_disk then lib.buildDisk { inherit root boot; } else null; };
  boards = builtins.filter (name: lib.boards.${name}.arch == sample.arch) (builtins.attrNames lib.boards);
in
rec {
  inherit policy root;
  # Every board of the architecture, on one root.
  releases = builtins.listToAttrs (map (board: { name = board; value = release { inherit board; }; }) boards)
    // { recurseForDerivations = true; };
  # One of them as UEFI starts it, in both ways.
  uki = release { board = "qemu-x86_64"; bootKind = "uki"; };
  bls = release { board = "qemu-x86_64"; bootKind = "bls"; };
  # The same once more with another console: one boot and its release.
  other_console = release { board = "qemu-x86_64"; console = "ttyS1"; };
  labels = lib.labelClosure (sample.policy // { inherit (sample) toplevel contents; });
  fragment = lib.kernelFragment { board = "qemu-x86_64"; inherit (sample) kernelVersion; };

  # The program's own words for each board, for comparison with lib.boards.
  boards_of_program = pkgs.runCommand "boards" { } ''
    mkdir -p "$out"
    for board in ${builtins.concatStringsSep " " (builtins.attrNames lib.boards)}; do
      ${intaglio}/bin/intaglio boards "$board" >"$out/$board.toml"
    done
  '';
}
