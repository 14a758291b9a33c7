# SPDX-License-Identifier: Apache-2.0
#
# The module, evaluated with nixpkgs' own `lib` (its folder is `nixpkgs_lib`) beside the options of NixOS that it sets: what they
# hold then, what it refuses, and its documentation. Likewise the examples, and their images.
{ nixpkgs_lib }:
let
  lib = import nixpkgs_lib;
  pkgs = import <nixpkgs> { };
  inherit (pkgs) sample;

  evaluate = { nixos ? { }, nixpkgs ? pkgs }: modules: lib.evalModules {
    modules = [ (import ./small-nixos.nix nixos) ] ++ modules;
    # Beyond what the sample has.
    specialArgs.pkgs = nixpkgs // {
      pam.overrideAttrs = change: change { buildInputs = [ "audit" ]; };
      libselinux = "libselinux";
      stdenv.hostPlatform.parsed.cpu.name = nixpkgs.sample.arch;
    };
  };
  with_module = nixos: configuration: evaluate { inherit nixos; } [ ../../nix/module.nix { config = configuration; } ];
  minimal = { appliance = { enable = true; board = "qemu-x86_64"; mac.policy = sample.policy.modules; }; };
  change = more: (with_module { } (lib.recursiveUpdate minimal more)).config;
  failed = more: map (one: one.message) (builtins.filter (one: !one.assertion) (change more).assertions);
  now = change { };
  systemd = pkgs.systemd.override { withSelinux = true; };
  older = (with_module { has_lsm = false; has_pam_package = false; } minimal).config;

  # The examples, and what Debian's packages want besides: their kernel is as it is.
  example = nixpkgs: modules: (evaluate { inherit nixpkgs; } (modules ++ [
    {
      appliance = {
        mac.booleans = nixpkgs.sample.policy.booleans;
        boot.profile = lib.mkForce "devel";
        root = { inherit (nixpkgs.sample) contents; };
      };
    }
  ])).config;
  # What a root has of the sample's is copied.
  by_reference.appliance.root.reference = (import ../../nix/hydra.nix { inherit pkgs; inherit (pkgs) intaglio; system = sample; }).root;
  # The sample's policy by its own name, which is compiled already.
  compiled_already.appliance.mac.policy = sample.policy.modules;
  web_server = [ ../../nix/examples/web-server.nix ./client.nix by_reference ];
  examples = {
    minimal = example pkgs [ ../../nix/examples/minimal.nix by_reference compiled_already ];
    web_server = example pkgs web_server;
    phone = example (import <nixpkgs> { architecture = "arm64"; }) [ ../../nix/examples/phone.nix ];
  };

  expected = {
    examples = [
      (lib.mapAttrs (_: config: {
        refused = map (one: one.message) (builtins.filter (one: !one.assertion) config.assertions);
        is_derivation = lib.hasSuffix "-intaglio-release.drv" config.system.build.appliance.release.drvPath;
        has_disk = config.system.build.appliance ? disk;
      }) examples)
      {
        minimal = { refused = [ ]; is_derivation = true; has_disk = false; };
        web_server = { refused = [ ]; is_derivation = true; has_disk = true; };
        phone = { refused = [ ]; is_derivation = true; has_disk = false; };
      }
    ];
    kernel_params = [ now.boot.kernelParams [ "loglevel=4" "lsm=selinux,landlock,yama,bpf" ] ];
    older_kernel_params = [ older.boot.kernelParams [ "security=selinux" "loglevel=4" ] ];
    root = [ now.fileSystems."/" { device = "/dev/vda"; fsType = "squashfs"; options = [ "ro" ]; } ];
    root_of_a_phone = [
      ((change { appliance.board = "oneplus-enchilada"; }).fileSystems."/".device)
      "/dev/disk/by-partlabel/userdata"
    ];
    initrd = [ now.boot.initrd.supportedFilesystems [ "squashfs" ] ];
    systemd = [ now.systemd.package systemd ];
    pam = [ now.security.pam.package { buildInputs = [ "audit" "libselinux" ]; } ];
    var = [
      (map (mount: [ mount.where mount.mountConfig.Options ]) now.systemd.mounts)
      [
        [ "/var" "mode=0755,nosuid,nodev,rootcontext=system_u:object_r:var_t:s0" ]
        [ "/tmp" "mode=1777,nosuid,nodev,rootcontext=system_u:object_r:tmp_t:s0" ]
      ]
    ];
    written_to = [
      (change { appliance.root = { format = "ext4"; freeSpace = 4096; }; }).systemd.mounts
      [ ]
    ];
    kernel = [
      (let config = (builtins.head now.boot.kernelPatches).structuredExtraConfig; in
        [ config.SECURITY_SELINUX config.SQUASHFS_XATTR.tristate config.DEFAULT_SECURITY_APPARMOR ])
      [ lib.kernel.yes "y" lib.kernel.no ]
    ];
    own_kernel = [ (change { appliance.boot.kernelConfig = false; }).boot.kernelPatches [ ] ];
    # A change of the console leaves the root as it is.
    console = [
      (let other = change { appliance.boot.console = "ttyS1"; }; of = name: config: config.system.build.appliance.${name}.drvPath; in
        map (name: of name other == of name now) [ "policy" "root" "boot" "release" ])
      [ true true false false ]
    ];

    # A board that boots from a disk has one, of the ways that it boots in; and the boot names what it needs alone.
    disk = [
      (map (kind: (change { appliance.boot = { inherit kind; }; }).system.build.appliance ? disk) [ null "uki" "bls" ])
      [ false true true ]
    ];
    efi = [
      (map (kind: builtins.match ".*'--(efi-stub|systemd-boot)' '([^']*)'.*"
        (lib.last (change { appliance.boot = { inherit kind; }; }).system.build.appliance.boot.args)) [ "direct" "uki" "bls" ])
      [
        null
        [ "efi-stub" "${systemd}/lib/systemd/boot/efi/linuxx64.efi.stub" ]
        [ "systemd-boot" "${systemd}/lib/systemd/boot/efi/systemd-bootx64.efi" ]
      ]
    ];

    nothing_refused = [ (failed { }) [ ] ];
    architecture = [
      (failed { appliance.board = "qemu-virt-aarch64"; })
      [ "appliance.board: 'qemu-virt-aarch64' is aarch64, the system is x86_64" ]
    ];
    policy_version = [
      (failed { appliance.mac.policyVersion = 34; })
      [ "appliance.mac.policyVersion: Linux ${sample.kernelVersion} reads versions up to 33, not 34" ]
    ];
    free_space = [
      (failed { appliance.root.freeSpace = 4096; })
      [ "appliance.root.freeSpace: a root of squashfs is read-only; appliance.root.format 'ext4' is not" ]
    ];
    no_disk = [
      (failed { appliance.disk.size = 8000000000; })
      [ "appliance.disk: 'qemu-x86_64' boots from no disk by 'direct'" ]
    ];
    no_place_for_firmware = [
      (failed { appliance = { board = "uefi-x86_64"; disk.firmware = "/u-boot"; }; })
      [ "appliance.disk.firmware: the disk of 'uefi-x86_64' has no place for it" ]
    ];
    half_a_key = [
      (failed { appliance = { board = "google-x64cros"; boot.keyblock = "/kernel.keyblock"; }; })
      [ "appliance.boot.signingKey: appliance.boot.keyblock and it are one key: set both or none" ]
    ];
    apparmor = [
      (failed { security.apparmor.enable = true; })
      [ "appliance.mac.kind: 'selinux' contradicts security.apparmor.enable: a kernel runs one of them" ]
    ];
    etc = [
      (failed { environment.etc."selinux/config".text = ""; })
      [ "appliance.mac: environment.etc.\"selinux/config\" is the image's own" ]
    ];
    kernel_without = [
      (failed { appliance.boot.kernelConfig = false; })
      [ "appliance.boot.kernelConfig: kernel ${sample.kernelVersion} has no SELinux (CONFIG_SECURITY_SELINUX), and this lets it stay so" ]
    ];
  };

  # Markdown: a section for each option.
  document = option: let
    shown = value: if value ? text then value.text else builtins.toJSON value;
  in ''
    ## ${option.name}

    ${option.description}

    - type: ${option.type}
    ${lib.optionalString (option ? default) "- default: `${shown option.default}`\n"}${
      lib.optionalString (option ? example) "- example: `${shown option.example}`\n"}'';
  documented = builtins.filter (option: option.visible && !option.internal && lib.hasPrefix "appliance." option.name)
    (lib.optionAttrSetToDocList (with_module { } minimal).options);
in
{
  # What is built of them.
  images = lib.mapAttrs (_: config: config.system.build.appliance) (examples // {
    web_server_in_qemu = example pkgs (web_server ++ [ { appliance = { board = lib.mkForce "qemu-x86_64"; boot.kind = "uki"; }; } ]);
  });
  differing = lib.filterAttrs (_: pair: builtins.elemAt pair 0 != builtins.elemAt pair 1) expected;
  cases = builtins.length (builtins.attrNames expected);
  options = "# Options of the NixOS module\n\nMade of `nix/module.nix`; after a change of it, `tests/oracle/nix --options >nix/options.md`.\n\n"
    + builtins.concatStringsSep "\n" (map document documented);
}
