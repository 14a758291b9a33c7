# SPDX-License-Identifier: Apache-2.0
#
# The kernel as NixOS has it: its image in one store path, its modules in another. Only the modules that an
# appliance could want are kept; the whole set is 380 MB.
{ lib, list, packages }:
let
  image = builtins.head (builtins.filter (package: builtins.match "linux-image-[0-9].*" package.name != null) list);
  package = packages.${image.name};
  version = builtins.substring 12 (-1) image.name;
in
{
  inherit version;

  kernel = lib.run "linux-${version}" { } ''
    mkdir -p "$out"
    cp ${package}/boot/vmlinuz-* "$out/${lib.target.kernel_image}"
    cp ${package}/boot/System.map-* "$out/System.map"
    # NixOS's kernels carry their configuration in the image (IKCONFIG), Debian's do not.
    cp ${package}/boot/config-* "$out/config"
  '';

  # As NixOS's hardware.deviceTree has them; none, where the firmware needs none.
  device_trees =
    if lib.target.device_trees == "" then null
    else lib.run "device-trees" { } ''
      mkdir -p "$out"
      cd ${package}/lib/linux-image-${version}
      cp --parents ${lib.target.device_trees} "$out/"
    '';

  # None of the kept modules wants any.
  firmware = lib.run "firmware" { } ''
    mkdir -p "$out/lib/firmware"
  '';

  modules = lib.run "linux-${version}-modules" {
    roots = lib.words [
      # buses and disks
      "virtio_pci virtio_mmio virtio_blk virtio_scsi virtio_net virtio_rng virtio_console virtio_balloon"
      "sd_mod sr_mod ahci nvme usb-storage xhci-pci ehci-pci usbhid loop"
      # file systems, and what protects them
      "squashfs erofs ext4 overlay vfat nls_cp437 nls_iso8859-1 nls_ascii fuse autofs4 configfs efivarfs binfmt_misc"
      "dm-mod dm-verity dm-crypt crc32c_generic sha256_generic sha512_generic aes_generic xxhash_generic"
      # networks
      "e1000e dummy veth bridge nf_tables ip_tables iptable_filter"
      lib.target.modules
    ];
  } ''
    source=${package}/lib/modules/${version}
    target=$out/lib/modules/${version}
    mkdir -p "$target"
    cp "$source"/modules.{builtin,builtin.modinfo,order} "$target/"
    # Dependencies are found in the whole set, for which depmod needs a folder that it may write.
    mkdir -p all/lib/modules/${version}
    ln -s "$source/kernel" "$target"/modules.* all/lib/modules/${version}/
    depmod -b "$PWD/all" ${version}
    for root in $roots; do
      modprobe -d "$PWD/all" -S ${version} --show-depends "$root"
    done | sed -n 's|^insmod [^ ]*/kernel/\([^ ]*\).*|\1|p' | sort -u | while read -r module; do
      install -D -m 0644 "$source/kernel/$module" "$target/kernel/$module"
    done
    depmod -b "$out" ${version}
  '';
}
