# SPDX-License-Identifier: Apache-2.0
#
# A toplevel, with everything that NixOS's top-level.nix, activatable-system.nix, specialisation.nix and bootspec.nix put into one.
{ lib, packages, kernel, initrd, etc, system_path, activation, name, kernel_params, specialisations ? { }, extra ? [ ] }:
let
  version = "24.11.20250101.0000000";
  bootspec = {
    "org.nixos.bootspec.v1" = {
      init = "@out@/init";
      initrd = "${initrd}/initrd";
      kernel = "${kernel.kernel}/${lib.target.kernel_image}";
      kernelParams = kernel_params;
      label = "NixOS Vicuna ${version} (Linux ${kernel.version})";
      system = lib.target.system;
      toplevel = "@out@";
    };
  };
in
lib.run "nixos-system-${name}-${version}"
  {
    inherit (activation) activate dry_activate init;
    bootspec = builtins.toJSON bootspec;
    passAsFile = [ "activate" "dry_activate" "init" "bootspec" "switch" ];
    switch = ''
      #! ${packages.bash}/bin/bash
      # In NixOS this switches the running system to this configuration; a sealed system never does.
      export OUT='@out@' TOPLEVEL='@out@' DISTRO_ID=nixos SYSTEMD='${packages.systemd}'
      exec "$OUT/activate" "$@"
    '';
  } ''
  mkdir -p "$out/bin" "$out/specialisation"
  place() { sed "s|@out@|$out|g" "$1" >"$out/$2"; }

  place "$initPath" init
  place "$activatePath" activate
  place "$dry_activatePath" dry-activate
  place "$switchPath" bin/switch-to-configuration
  chmod +x "$out/init" "$out/activate" "$out/dry-activate" "$out/bin/switch-to-configuration"

  ln -s ${etc}/etc "$out/etc"
  ln -s ${system_path} "$out/sw"
  ln -s ${packages.systemd} "$out/systemd"
  ln -s ${kernel.kernel}/${lib.target.kernel_image} "$out/kernel"
  ln -s ${kernel.modules} "$out/kernel-modules"
  ln -s ${initrd}/initrd "$out/initrd"
  ${if kernel.device_trees == null then "" else "ln -s ${kernel.device_trees} \"$out/dtbs\""}
  ln -s ${kernel.firmware}/lib/firmware "$out/firmware"

  printf %s "${lib.words kernel_params}" >"$out/kernel-params"
  printf %s "systemd 252" >"$out/init-interface-version"
  printf %s "${version}" >"$out/nixos-version"
  printf %s "${lib.target.system}" >"$out/system"
  printf '%s ' ${lib.words extra} >"$out/extra-dependencies"

  ${lib.lines (lib.map_attrs_to_list (child: toplevel: ''
    ln -s ${toplevel} "$out/specialisation/${child}"
  '') specialisations)}
  place "$bootspecPath" boot.spec
  jq -n --sort-keys --slurpfile own "$out/boot.spec" '
    $own[0] + {"org.nixos.specialisation.v1": $ARGS.named | del(.own) | map_values(.[0])}' \
    ${lib.words (lib.map_attrs_to_list (child: toplevel: "--slurpfile ${child} ${toplevel}/boot.json") specialisations)} \
    >"$out/boot.json"
  rm "$out/boot.spec"
''
