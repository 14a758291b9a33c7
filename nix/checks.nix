# SPDX-License-Identifier: Apache-2.0
#
# `nix-build nix -A checks`: what shows that the functions of lib.nix fit the program, on the system `pkgs.sample`. The tests'
# own `<nixpkgs>` has one; with nixpkgs, the examples are what is built.
{ pkgs, intaglio, lib }:
let
  inherit (pkgs) sample;
  policy = lib.compilePolicy (sample.policy // { inherit (sample) kernelVersion; });
  root = lib.buildRoot { inherit (sample) toplevel contents; inherit policy; };
  boot = board: lib.buildBoot { inherit board; inherit (sample) kernel initrd kernelParams; };
  boards = builtins.filter
    (name: let board = lib.boards.${name}; in board.arch == sample.arch && board.boot.kind == "direct")
    (builtins.attrNames lib.boards);
in
rec {
  inherit policy root;
  # Every board of the architecture that needs no more than kernel and initrd, on one root.
  releases = builtins.listToAttrs (map
    (board: { name = board; value = lib.buildRelease { inherit root; boot = boot board; }; })
    boards);
  # The same once more with another console: one boot and its release.
  other_console = lib.buildRelease {
    inherit root;
    boot = lib.buildBoot { board = "qemu-x86_64"; console = "ttyS1"; inherit (sample) kernel initrd kernelParams; };
  };
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
