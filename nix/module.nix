# SPDX-License-Identifier: Apache-2.0
#
# The NixOS module: `appliance.*` makes a system that can be sealed, and `system.build.appliance` holds its images.
{ config, lib, options, pkgs, ... }:
let
  inherit (lib) literalExpression mkBefore mkDefault mkEnableOption mkIf mkMerge mkOption optional optionalAttrs optionals
    types versionAtLeast;
  cfg = config.appliance;
  images = import ./lib.nix { inherit pkgs; intaglio = cfg.package; };
  boards = import ./boards.nix;

  board = boards.${cfg.board};
  format = cfg.root.format;
  is_writable = cfg.root.freeSpace > 0;
  kernel = config.boot.kernelPackages.kernel;

  # Where the initrd finds the root: NixOS's own takes it from `fileSystems`, not from `root=`.
  root_device = let
    device = board.root.device;
    by = prefix: folder: let parts = builtins.match "${prefix}=(.*)" device; in
      if parts == null then null else "/dev/disk/${folder}/${builtins.head parts}";
    found = builtins.filter (place: place != null) [
      (by "PARTLABEL" "by-partlabel")
      (by "PARTUUID" "by-partuuid")
      (by "LABEL" "by-label")
      (by "UUID" "by-uuid")
    ];
  in
    if found != [ ] then builtins.head found
    else if device == "PARTUUID" then "/dev/disk/by-partlabel/${board.root.partition}"  # a GUID that a build derives
    else device;

  # As a build compresses the format unless it is told otherwise.
  compression =
    if cfg.root.compression != null then cfg.root.compression
    else { squashfs = "zstd"; erofs = "lz4"; ext4 = "none"; }.${format};

  kernel_config = let
    value = text:
      if text == "y" then lib.kernel.yes
      else if text == "m" then lib.kernel.module
      else if text == "n" then lib.kernel.no
      else lib.kernel.freeform text;
    one = asked:
      map (sibling: { name = sibling; value = lib.mkForce lib.kernel.no; }) asked.choice
      ++ [ {
        name = asked.symbol;
        value = (if asked.overrides_nixpkgs then lib.mkForce else (same: same))
          ((if asked.severity == "warning" then lib.kernel.option else (same: same)) (value asked.value));
      } ];
  in
    builtins.listToAttrs (lib.concatMap one (import ./kernel-config.nix {
      inherit board format compression;
      kernelVersion = kernel.version;
      inherit (cfg.boot) profile;
      inherit (cfg.mac) mode;
    }));

  # A file system in memory whose root has its label from the first moment on. No initrd may mount it: a label can be
  # given only once the policy is loaded.
  labelled_tmpfs = where: mode: context: {
    inherit where;
    what = "tmpfs";
    type = "tmpfs";
    mountConfig.Options = "mode=${mode},nosuid,nodev,rootcontext=${context}";
    unitConfig.DefaultDependencies = false;
    conflicts = [ "umount.target" ];
    before = [ "local-fs.target" "umount.target" ];
    wantedBy = [ "local-fs.target" ];
  };

  policy = images.compilePolicy ({
    modules = cfg.mac.policy;
    name = cfg.mac.policyName;
    extraModules = cfg.mac.modules;
    inherit (cfg.mac) removeModules booleans;
  } // (if cfg.mac.policyVersion == null then { kernelVersion = kernel.version; } else { inherit (cfg.mac) policyVersion; }));

  label_rules = if cfg.mac.labelRules == "" then null else pkgs.writeText "label.rules" cfg.mac.labelRules;

  root = images.buildRoot {
    inherit (config.system.build) toplevel;
    inherit policy format;
    inherit (cfg.mac) mode;
    inherit (cfg.root) compression freeSpace contents reference;
    labelRules = label_rules;
  };

  boot = images.buildBoot {
    inherit (cfg) board;
    kernel = "${kernel}/${config.system.boot.loader.kernelFile}";
    initrd = "${config.system.build.initialRamdisk}/${config.system.boot.loader.initrdFile}";
    # Activation would set the first two; a sealed image has them from its command line.
    kernelParams = [ "firmware_class.path=${config.hardware.firmware}/lib/firmware" ]
      ++ optional (versionAtLeast kernel.version "5.8") "sysctl.kernel.modprobe=${pkgs.kmod}/bin/modprobe"
      ++ config.boot.kernelParams;
    inherit (cfg.boot) console profile;
    inherit (cfg.mac) mode;
    inherit format;
    inherit (cfg.root) compression;
    writable = is_writable;
    init = if is_writable then "${config.system.build.toplevel}/init" else null;
    deviceTrees = if config.hardware.deviceTree.enable then config.hardware.deviceTree.package else null;
    # Of these, a board has what it needs.
    bootKind = cfg.boot.kind;
    inherit (config.system.build) toplevel;
    osRelease = config.environment.etc."os-release".source;
    efiStub = "${efi}/linux${efi_machine}.efi.stub";
    systemdBoot = "${efi}/systemd-boot${efi_machine}.efi";
    inherit (cfg.boot) keyblock signingKey;
  };

  efi = "${config.systemd.package}/lib/systemd/boot/efi";
  efi_machine = { x86_64 = "x64"; aarch64 = "aa64"; }.${board.arch};

  has_disk = images.hasDisk { inherit (cfg) board; bootKind = cfg.boot.kind; };
  disk = images.buildDisk { inherit root boot; inherit (cfg.disk) firmware size; };
in
{
  options.appliance = {
    enable = mkEnableOption "a sealed system, whose images are `system.build.appliance`";

    package = mkOption {
      type = types.package;
      default = pkgs.intaglio or (pkgs.callPackage ./package.nix { });
      defaultText = literalExpression "pkgs.callPackage ./package.nix { }";
      description = "Intaglio, which makes the images.";
    };

    board = mkOption {
      type = types.enum (builtins.attrNames boards) // { description = "a board's name"; };
      example = "qemu-x86_64";
      description = "The device that the images are for; `intaglio boards` lists them.";
    };

    mac = {
      kind = mkOption {
        type = types.enum [ "selinux" ];
        default = "selinux";
        description = "The mandatory access control that the images carry labels of.";
      };
      policy = mkOption {
        type = types.path;
        default = "${pkgs.selinux-refpolicy}/share/selinux/refpolicy";
        defaultText = literalExpression ''"''${pkgs.selinux-refpolicy}/share/selinux/refpolicy"'';
        description = "The folder of policy modules, `.pp` or `.cil`.";
      };
      policyName = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "refpolicy";
        description = "SELINUXTYPE: what the policy is called in `/etc/selinux`. Without it, the last component of the folder's name.";
      };
      modules = mkOption {
        type = types.listOf types.path;
        default = [ ];
        example = literalExpression "[ ./mine.cil ]";
        description = "More policy modules. One replaces the folder's module of the same name.";
      };
      removeModules = mkOption {
        type = types.listOf types.str;
        default = [ ];
        example = [ "games" ];
        description = "Modules of the folder that are left out.";
      };
      booleans = mkOption {
        type = types.attrsOf types.bool;
        default = { };
        example = { httpd_can_network_connect = true; };
        description = "Booleans of the policy, as `setsebool` would set them.";
      };
      mode = mkOption {
        type = types.enum [ "enforcing" "permissive" ];
        default = "enforcing";
        description = "Whether denials are enforced, or only logged.";
      };
      labelRules = mkOption {
        type = types.lines;
        default = "";
        example = "package nginx /bin/nginx httpd_exec_t";
        description = "Label rules that come before those of Intaglio: which place of the FHS a package's files are labelled as, or their type.";
      };
      policyVersion = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        example = 33;
        description = "The version of the binary policy. Without it, the newest that the kernel reads.";
      };
      varContext = mkOption {
        type = types.str;
        default = "system_u:object_r:var_t:s0";
        example = "system_u:object_r:var_t";
        description = "The label of `/var`, which is a file system in memory. A policy without levels has it without `:s0`.";
      };
      tmpContext = mkOption {
        type = types.str;
        default = "system_u:object_r:tmp_t:s0";
        example = "system_u:object_r:tmp_t";
        description = "The label of `/tmp`, which is a file system in memory.";
      };
    };

    root = {
      format = mkOption {
        type = types.enum [ "squashfs" "ext4" "erofs" ];
        default = board.root.format;
        defaultText = lib.literalMD "the board's";
        description = "The file system of the root image.";
      };
      compression = mkOption {
        type = types.nullOr (types.enum [ "zstd" "xz" "gzip" "lz4" "none" ]);
        default = null;
        example = "xz";
        description = "How the root image is compressed. Without it: squashfs with zstd, erofs with lz4.";
      };
      freeSpace = mkOption {
        type = types.ints.unsigned;
        default = 0;
        example = 1073741824;
        description = "Bytes of the root that can be written to, with format ext4. With any, the system activates at each boot, and is not sealed.";
      };
      contents = mkOption {
        type = types.listOf (types.attrsOf types.anything);
        default = [ ];
        example = [ { target = "/data"; type = "directory"; mode = "0755"; user = 0; group = 0; } ];
        description = "Entries that are added to the root.";
      };
      reference = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = literalExpression "./releases/1";
        description = "An earlier release: of store paths that have not changed, its bytes are copied. The image is the same as without.";
      };
    };

    boot = {
      console = mkOption {
        type = types.nullOr types.str;
        default = null;
        example = "ttyS1,115200";
        description = "A console besides the board's, which becomes `/dev/console`. A change of it makes the boot images anew, and nothing else.";
      };
      kind = mkOption {
        type = types.nullOr (types.enum ([ board.boot.kind ] ++ board.boot.also or [ ])) // { description = "null or one of the board's kinds"; };
        default = null;
        example = "uki";
        description = "How the device boots, of a board that boots in several ways. Without it, the board's first.";
      };
      keyblock = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = literalExpression "./kernel.keyblock";
        description = "vboot's keyblock, by which a Chromebook trusts `signingKey`; every Chromebook needs one. vboot's own for developers are in its `devkeys`.";
      };
      signingKey = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = literalExpression "./kernel.vbprivk";
        description = "The key that signs for `keyblock`. It becomes readable in the Nix store.";
      };
      profile = mkOption {
        type = types.enum [ "devel" "production" ];
        default = "devel";
        description = "What the kernel's configuration is judged by.";
      };
      kernelConfig = mkOption {
        type = types.bool;
        default = true;
        description = "Whether the kernel is built with the options that the image asks for. Without, the kernel must have them.";
      };
    };

    disk = {
      firmware = mkOption {
        type = types.nullOr types.path;
        default = null;
        example = literalExpression ''"''${pkgs.ubootPinebookPro}/u-boot-rockchip.bin"'';
        description = "What the disk holds at the board's place for firmware, such as U-Boot.";
      };
      size = mkOption {
        type = types.nullOr types.ints.positive;
        default = null;
        example = 8000000000;
        description = "Bytes of the whole disk. Without it, what its partitions need.";
      };
    };
  };

  config = mkIf cfg.enable (mkMerge [
    {
      assertions = [
        {
          assertion = pkgs.stdenv.hostPlatform.parsed.cpu.name == board.arch;
          message = "appliance.board: '${cfg.board}' is ${board.arch}, the system is ${pkgs.stdenv.hostPlatform.parsed.cpu.name}";
        }
        {
          assertion = cfg.mac.policyVersion == null || cfg.mac.policyVersion <= images.policyVersionOf kernel.version;
          message = "appliance.mac.policyVersion: Linux ${kernel.version} reads versions up to ${
            toString (images.policyVersionOf kernel.version)}, not ${toString cfg.mac.policyVersion}";
        }
        {
          assertion = cfg.root.freeSpace == 0 || format == "ext4";
          message = "appliance.root.freeSpace: a root of ${format} is read-only; appliance.root.format 'ext4' is not";
        }
        {
          assertion = has_disk || cfg.disk.firmware == null && cfg.disk.size == null;
          message = "appliance.disk: '${cfg.board}' boots from no disk by '${
            if cfg.boot.kind == null then board.boot.kind else cfg.boot.kind}'";
        }
        {
          assertion = cfg.disk.firmware == null || board ? disk.firmware_offset;
          message = "appliance.disk.firmware: the disk of '${cfg.board}' has no place for it";
        }
        {
          assertion = (cfg.boot.keyblock == null) == (cfg.boot.signingKey == null);
          message = "appliance.boot.signingKey: appliance.boot.keyblock and it are one key: set both or none";
        }
        {
          assertion = !config.security.apparmor.enable;
          message = "appliance.mac.kind: 'selinux' contradicts security.apparmor.enable: a kernel runs one of them";
        }
        {
          assertion = !(config.environment.etc ? "selinux/config");
          message = "appliance.mac: environment.etc.\"selinux/config\" is the image's own";
        }
        {
          assertion = cfg.boot.kernelConfig || (kernel.config.isYes or (_: false)) "SECURITY_SELINUX";
          message = "appliance.boot.kernelConfig: kernel ${kernel.version} has no SELinux (CONFIG_SECURITY_SELINUX), and this lets it stay so";
        }
      ];

      # The initrd's root.
      fileSystems."/" = {
        device = root_device;
        fsType = format;
        options = [ (if is_writable then "rw" else "ro") ];
      };
      boot.initrd.supportedFilesystems = [ format ];
      boot.initrd.availableKernelModules = optionals (builtins.elem "virtio" (board.kernel.requires or [ ]))
        [ "virtio_pci" "virtio_mmio" "virtio_blk" "virtio_scsi" ];

      # The image boots without a loader that NixOS installs, and is never switched.
      boot.loader.grub.enable = mkDefault false;

      boot.kernelPatches = optional cfg.boot.kernelConfig ({
        name = "intaglio";
        patch = null;
      } // {
        ${if versionAtLeast lib.trivial.release "25.11" then "structuredExtraConfig" else "extraStructuredConfig"} = kernel_config;
      });

      # Its SELinux parts are compiled in only where they are asked for.
      systemd.package = mkDefault (pkgs.systemd.override { withSelinux = true; });

      system.build.appliance = {
        inherit policy root boot;
        release = images.buildRelease { inherit root boot; disk = if has_disk then disk else null; };
        report = images.labelClosure {
          inherit (config.system.build) toplevel;
          modules = cfg.mac.policy;
          name = cfg.mac.policyName;
          extraModules = cfg.mac.modules;
          inherit (cfg.mac) removeModules booleans;
          inherit (cfg.root) contents;
          labelRules = label_rules;
        };
      } // optionalAttrs has_disk { inherit disk; };
    }

    # Since 25.05 `lsm=` is always set, and the kernel ignores `security=` beside it.
    (if options.security ? lsm then { security.lsm = mkBefore [ "selinux" ]; }
    else { boot.kernelParams = [ "security=selinux" ]; })

    # Sessions change to the user's domain only where PAM was built with libselinux.
    (optionalAttrs (options.security.pam ? package) {
      security.pam.package = mkDefault (pkgs.pam.overrideAttrs (old: { buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.libselinux ]; }));
    })

    (mkIf (!is_writable) {
      systemd.mounts = [
        (labelled_tmpfs "/var" "0755" cfg.mac.varContext)
        (labelled_tmpfs "/tmp" "1777" cfg.mac.tmpContext)
      ];
      # What a sealed system has no use for.
      nix.enable = mkDefault false;
    })
  ]);
}
