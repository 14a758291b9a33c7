# SPDX-License-Identifier: Apache-2.0
#
# A static busybox, the modules that a root file system can need in the order of loading, and findfs for root=UUID= and its
# like. NixOS's initrds hold more; for a builder they are one opaque file.
{ lib, kernel, packages }:
lib.run "initrd-linux-${kernel.version}"
  {
    init = ./initrd-init.sh;
    # virtio_ring before virtio, and what file systems ask for by alias only, come first.
    modules = lib.words [
      "virtio_ring virtio virtio_pci virtio_mmio crc16 mbcache jbd2 crc32c_generic libcrc32c"
      "virtio_blk virtio_scsi sd_mod ahci nvme squashfs erofs ext4 overlay dm-verity"
    ];
  } ''
  mkdir -p root/{bin,dev,proc,sys,sysroot,modules,lib}
  cp ${packages.busybox-static}/bin/busybox root/bin/busybox
  cp "$init" root/init
  chmod 0755 root/init root/bin/busybox

  for module in $modules; do
    modprobe -d ${kernel.modules} -S ${kernel.version} --show-depends "$module"
  done | sed -n 's|^insmod \([^ ]*\).*|\1|p' | awk '!seen[$0]++' | while read -r file; do
    cp "$file" root/modules/
    basename "$file" >>root/modules/order
  done

  libraries=lib/${lib.target.triplet}
  cp ${packages.util-linux}/sbin/findfs root/bin/
  cp -L ${packages.libblkid1}/$libraries/libblkid.so.1 ${packages.libc6}/$libraries/libc.so.6 root/lib/
  cp -L ${packages.libc6}/$libraries/${lib.target.loader} root/lib/loader

  find root -exec touch -h -d @1 {} +
  mkdir -p "$out"
  (cd root && find . -print0 | sort -z | cpio --quiet --null --create --format=newc --reproducible --owner=0:0) |
    gzip -n -9 >"$out/initrd"
''
