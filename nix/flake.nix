# SPDX-License-Identifier: Apache-2.0
{
  description = "Sealed appliance images from NixOS closures, SELinux labels engraved";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      of_system = system: import ./. { pkgs = nixpkgs.legacyPackages.${system}; };
      for_each = f: nixpkgs.lib.genAttrs systems (system: f (of_system system));
    in
    {
      packages = for_each (built: { inherit (built) intaglio; default = built.intaglio; });
      # `intaglio.lib.x86_64-linux.buildRelease { … }`
      lib = for_each (built: built.lib);
      nixosModules.default = ./module.nix;
    };
}
