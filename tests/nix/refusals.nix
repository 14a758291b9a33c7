# SPDX-License-Identifier: Apache-2.0
#
# What lib.nix refuses when it is evaluated: each `value` throws exactly `message`.
let
  pkgs = import <nixpkgs> { };
  inherit (import ../../nix { inherit pkgs; }) lib;
  inherit (pkgs) sample;
  root = { inherit (sample) toplevel; policy = "/policy"; };
  boot = { board = "qemu-x86_64"; inherit (sample) kernel initrd; };
  drv = derivation: derivation.drvPath;
  jobs = arguments: import ../../nix/hydra.nix ({ inherit pkgs; inherit (pkgs) intaglio; system = sample; } // arguments);
  boards = (import ../../nix/kinds.nix).or_list (builtins.attrNames lib.boards);
in
{
  no_version = {
    value = drv (lib.compilePolicy { modules = "/modules"; });
    message = "intaglio.compilePolicy: kernelVersion: a kernel's version, or policyVersion, is needed";
  };
  two_versions = {
    value = drv (lib.compilePolicy { modules = "/modules"; kernelVersion = "6.1"; policyVersion = 33; });
    message = "intaglio.compilePolicy: policyVersion: contradicts kernelVersion: give one of them";
  };
  no_kernel_version = {
    value = drv (lib.compilePolicy { modules = "/modules"; kernelVersion = "six"; });
    message = "intaglio.compilePolicy: kernelVersion: expected a kernel's version, such as '6.12' or '6.12.41', or null, found 'six'";
  };
  boolean_as_text = {
    value = drv (lib.compilePolicy { modules = "/modules"; kernelVersion = "6.1"; booleans.a = "on"; });
    message = "intaglio.compilePolicy: booleans: expected an attribute set, each value true or false, found a set";
  };
  name_with_slash = {
    value = drv (lib.compilePolicy { modules = "/modules"; kernelVersion = "6.1"; name = "a/b"; });
    message = "intaglio.compilePolicy: name: expected a name of letters, digits, '.', '-' and '_', or null, found 'a/b'";
  };
  old_kernel = {
    value = lib.policyVersionOf "2.4.1";
    message = "intaglio.policyVersionOf: kernelVersion: '2.4.1' is older than any kernel with SELinux";
  };
  no_closure = {
    value = drv (lib.buildRoot { policy = "/policy"; });
    message = "intaglio.buildRoot: toplevel: a system's toplevel, or closure, is needed";
  };
  format = {
    value = drv (lib.buildRoot (root // { format = "btrfs"; }));
    message = "intaglio.buildRoot: format: expected 'squashfs', 'ext4' or 'erofs', found 'btrfs'";
  };
  free_space = {
    value = drv (lib.buildRoot (root // { freeSpace = 4096; }));
    message = "intaglio.buildRoot: freeSpace: a root of squashfs is read-only: choose format 'ext4'";
  };
  init = {
    value = drv (lib.buildRoot (root // { format = "ext4"; init = "closure"; }));
    message = "intaglio.buildRoot: init: 'closure' activates the system at boot, which takes a root that can be written to: choose format 'ext4' and freeSpace";
  };
  mode = {
    value = drv (lib.buildRoot (root // { mode = true; }));
    message = "intaglio.buildRoot: mode: expected 'enforcing' or 'permissive', found true";
  };
  negative = {
    value = drv (lib.buildRoot (root // { level = -1; }));
    message = "intaglio.buildRoot: level: expected a number that is not negative, or null, found -1";
  };
  board = {
    value = drv (lib.buildBoot (boot // { board = "qemu-x86"; }));
    message = "intaglio.buildBoot: board: unknown board 'qemu-x86', expected ${boards}";
  };
  console = {
    value = drv (lib.buildBoot (boot // { console = "ttyS0 quiet"; }));
    message = "intaglio.buildBoot: console: expected a console, such as 'ttyS0,115200', or null, found 'ttyS0 quiet'";
  };
  device_trees = {
    value = drv (lib.buildBoot (boot // { board = "oneplus-enchilada"; }));
    message = "intaglio.buildBoot: deviceTrees: board 'oneplus-enchilada' boots with a device tree of the kernel's";
  };
  boot_kind = {
    value = drv (lib.buildBoot (boot // { bootKind = "android"; }));
    message = "intaglio.buildBoot: bootKind: board 'qemu-x86_64' boots by 'direct', 'uki' or 'bls', not by 'android'";
  };
  unknown_boot_kind = {
    value = drv (lib.buildBoot (boot // { bootKind = "grub"; }));
    message = "intaglio.buildBoot: bootKind: expected 'direct', 'android', 'extlinux', 'boot-script', 'depthcharge', 'uki' or 'bls', or null, found 'grub'";
  };
  no_toplevel = {
    value = drv (lib.buildBoot (boot // { board = "pine64-pinephone"; deviceTrees = "/dtbs"; }));
    message = "intaglio.buildBoot: toplevel: board 'pine64-pinephone' boots by 'boot-script', which needs it";
  };
  no_os_release = {
    value = drv (lib.buildBoot (boot // { board = "uefi-x86_64"; inherit (sample) toplevel; }));
    message = "intaglio.buildBoot: osRelease: board 'uefi-x86_64' boots by 'uki', which needs it";
  };
  no_efi_stub = {
    value = drv (lib.buildBoot (boot // { bootKind = "uki"; inherit (sample) toplevel osRelease; }));
    message = "intaglio.buildBoot: efiStub: board 'qemu-x86_64' boots by 'uki', which needs it";
  };
  no_systemd_boot = {
    value = drv (lib.buildBoot (boot // { bootKind = "bls"; inherit (sample) toplevel osRelease efiStub; }));
    message = "intaglio.buildBoot: systemdBoot: board 'qemu-x86_64' boots by 'bls', which needs it";
  };
  no_key = {
    value = drv (lib.buildBoot (boot // { board = "google-x64cros"; }));
    message = "intaglio.buildBoot: keyblock: board 'google-x64cros' boots by 'depthcharge', which needs it";
  };
  half_a_key = {
    value = drv (lib.buildBoot (boot // { board = "google-x64cros"; keyblock = "/kernel.keyblock"; }));
    message = "intaglio.buildBoot: signingKey: keyblock and signingKey are one key: give both or none";
  };
  disk_size = {
    value = drv (lib.buildDisk { root = "/root"; boot = "/boot"; size = "8G"; });
    message = "intaglio.buildDisk: size: expected a number that is not negative, or null, found '8G'";
  };
  no_disk = {
    value = drv (lib.buildRelease { root = "/root"; boot = "/boot"; disk = false; });
    message = "intaglio.buildRelease: disk: expected a path or a derivation, or null, found false";
  };
  writable = {
    value = drv (lib.buildBoot (boot // { format = "erofs"; writable = true; }));
    message = "intaglio.buildBoot: writable: a root of erofs is read-only";
  };
  line_break = {
    value = drv (lib.buildBoot (boot // { kernelParams = [ "a\nb" ]; }));
    message = "intaglio.buildBoot: kernelParams: expected a list, each a string without line breaks, found a list";
  };
  fragment = {
    value = drv (lib.kernelFragment { board = "qemu-x86_64"; format = "toml"; });
    message = "intaglio.kernelFragment: format: expected 'kconfig', 'nix' or 'json', found 'toml'";
  };
  jobset_of_half_a_system = {
    value = (jobs { system = { arch = "x86_64"; inherit (sample) toplevel kernel policy; }; }).policy;
    message = "intaglio.hydra: system: it lacks kernelVersion, initrd";
  };
  jobset_of_a_path = {
    value = (jobs { system = "/system"; }).policy;
    message = "intaglio.hydra: system: expected an attribute set, found a string";
  };
  jobset_of_no_architecture = {
    value = (jobs { system = sample // { arch = "riscv64"; }; }).releases;
    message = "intaglio.hydra: system: no board is 'riscv64'";
  };
  jobset_of_another_board = {
    value = (jobs { boards = [ "oneplus-enchilada" ]; }).releases;
    message = "intaglio.hydra: boards: no board 'oneplus-enchilada' of x86_64";
  };
}
