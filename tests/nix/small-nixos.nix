# SPDX-License-Identifier: Apache-2.0
#
# NixOS as far as nix/module.nix and the examples need it: the options that they set, and the sample closure's system made by them.
# `has_lsm` and `has_pam_package` tell of NixOS before 25.05 and of now.
{ has_lsm ? true, has_pam_package ? true }:
{ config, lib, pkgs, ... }:
let
  any = lib.mkOption { type = lib.types.anything; };
  list = lib.mkOption { type = lib.types.listOf lib.types.anything; default = [ ]; };
  attrs = lib.mkOption { type = lib.types.attrsOf lib.types.anything; default = { }; };
  flag = lib.mkOption { type = lib.types.bool; default = false; };

  inherit (pkgs) sample;
  configured = import <nixpkgs> {
    inherit (sample) architecture;
    configuration = {
      kernel_params = config.boot.kernelParams;
      modprobe = "${pkgs.kmod}/bin/modprobe";
      inherit (config.environment) etc;
      units = config.systemd.units // lib.listToAttrs (map mount_unit config.systemd.mounts);
      # The sample's nginx.service runs in any case.
      ${if config.services.nginx.enable then "servers" else null} =
        lib.concatStrings (lib.mapAttrsToList server config.services.nginx.virtualHosts);
    };
  };

  mount_unit = mount: {
    name = "${lib.replaceStrings [ "/" ] [ "-" ] (lib.removePrefix "/" mount.where)}.mount";
    value = {
      text = lib.generators.toINI { listsAsDuplicateKeys = true; } {
        Unit = mount.unitConfig // { Conflicts = mount.conflicts; Before = mount.before; };
        Mount = mount.mountConfig // { What = mount.what; Where = mount.where; Type = mount.type; };
      };
      inherit (mount) wantedBy;
    };
  };

  server = name: { root, locations ? { } }: ''
    server {
      listen 80;
      server_name ${name};
      root ${root};
      ${lib.concatStrings (lib.mapAttrsToList (path: { proxyPass }: "location ${path} { proxy_pass ${proxyPass}; }\n") locations)}
    }
  '';
in
{
  options = {
    assertions = list;
    boot = {
      kernelPackages = any;
      kernelParams = list;
      kernelPatches = list;
      initrd = { supportedFilesystems = list; availableKernelModules = list; };
      loader.grub.enable = flag;
    };
    environment.etc = attrs;
    fileSystems = attrs;
    hardware = { firmware = any; deviceTree = { enable = flag; package = any; }; };
    networking.firewall.allowedTCPPorts = list;
    nix.enable = flag;
    security = { apparmor.enable = flag; pam = lib.optionalAttrs has_pam_package { package = any; }; }
      // lib.optionalAttrs has_lsm { lsm = list; };
    services.nginx = { enable = flag; virtualHosts = attrs; };
    systemd = { package = any; mounts = list; units = attrs; };
    system = {
      boot.loader = { kernelFile = any; initrdFile = any; };
      build = attrs;
    };
  };

  config = lib.mkMerge ([
    {
      boot.kernelPackages = lib.mkDefault pkgs.linuxPackages;
      boot.kernelParams = [ "loglevel=4" ];
      system.boot.loader = { kernelFile = builtins.baseNameOf sample.kernel; initrdFile = "initrd"; };
      system.build = { inherit (configured.sample) toplevel; initialRamdisk = builtins.dirOf sample.initrd; };
      hardware = { inherit (sample) firmware; deviceTree.package = sample.deviceTrees; };
      environment.etc."os-release".source = sample.osRelease;
    }
  ] ++ lib.optional has_lsm {
    security.lsm = [ "landlock" "yama" "bpf" ];
    boot.kernelParams = [ "lsm=${lib.concatStringsSep "," config.security.lsm}" ];
  });
}
