# SPDX-License-Identifier: Apache-2.0
#
# For those without flakes: `(import ./nix { inherit pkgs; }).lib.buildRelease`, `nix-build nix -A intaglio`.
{ pkgs ? import <nixpkgs> { }, intaglio ? pkgs.intaglio or (pkgs.callPackage ./package.nix { }) }:
rec {
  inherit intaglio;
  lib = import ./lib.nix { inherit pkgs intaglio; };
  nixosModule = import ./module.nix;
  checks = import ./checks.nix { inherit pkgs intaglio lib; };
}
