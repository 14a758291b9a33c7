# SPDX-License-Identifier: Apache-2.0
#
# The least that a NixOS configuration says to become an appliance: `system.build.appliance.release` is its images.
{
  imports = [ ../module.nix ];

  appliance = {
    enable = true;
    board = "qemu-x86_64";
  };
}
