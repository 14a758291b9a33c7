#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
#
# First process of a machine that writes to the file system on /dev/vda: with `grow` on the kernel
# command line it makes it as large as the disk and writes until it is killed, with `look` it says
# what it finds after that. See tests/vm/writable.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order

say() { echo "WRITABLE $*" >/dev/console; }
end() {
    say "$@"
    poweroff -f
}
tries=0
until [ -b /dev/vda ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || end "no disk"
    sleep 0.1
done
mount -t ext4 -o rw /dev/vda /sysroot || end "cannot mount"

free_space() { df -k /sysroot | awk 'END { print $4 }'; }
if grep -q -w look /proc/cmdline; then
    cd /sysroot/new || end "what was synced is gone"
    md5sum -c -s sums || end "what was synced is broken"
    [ -e /sysroot/new/late ] || end "what was written late is gone"
    cd /
    umount /sysroot || end "cannot unmount"
    end "looked: all there"
fi
before=$(free_space)
mkdir /sysroot/new
dd if=/dev/urandom of=/sysroot/new/before bs=1M count=20 2>/dev/null
/host/ld-linux-x86-64.so.2 --library-path /host /host/resize2fs /dev/vda >/dev/console 2>&1 ||
    end "cannot grow"
say "grown: $before to $(free_space) KiB free"
# More than was free before.
dd if=/dev/urandom of=/sysroot/new/after bs=1M count=150 2>/dev/null
cd /sysroot/new && md5sum before after >sums
sync
i=0
while :; do
    mkdir -p "many-$((i % 50))"
    echo "$i" >"many-$((i % 50))/$i"
    [ $((i % 3)) -ne 2 ] || mv "many-$((i % 50))/$i" "moved-$i"
    if [ "$i" -eq 200 ]; then
        touch late
        sync
        say "writing"
    fi
    i=$((i + 1))
done
