# SPDX-License-Identifier: Apache-2.0
#
# A phone, flashed by fastboot: `intaglio flash-plan` of the release says how. It is aarch64 and has a device tree of its kernel.
{ pkgs, ... }:
{
  imports = [ ../module.nix ];

  boot.kernelPackages = pkgs.linuxPackages_latest;
  hardware.deviceTree.enable = true;

  appliance = {
    enable = true;
    board = "oneplus-enchilada";
    # While the policy is being fitted to it, denials are logged alone.
    mac.mode = "permissive";
    # Slow to make, and smaller to flash.
    root.compression = "xz";
  };
}
