#!/bin/busybox sh
# shellcheck shell=dash
# SPDX-License-Identifier: Apache-2.0
#
# First process of the initrd: loads modules, finds root=, mounts it and goes there.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev

fail() {
    echo "initrd: $*" >/dev/console
    poweroff -f
}

root='' type=auto flags='' mode=ro init=/init
# shellcheck disable=SC2013 # words are what is wanted
for argument in $(cat /proc/cmdline); do
    case $argument in
    root=*) root=${argument#root=} ;;
    rootfstype=*) type=${argument#rootfstype=} ;;
    rootflags=*) flags=,${argument#rootflags=} ;;
    init=*) init=${argument#init=} ;;
    ro | rw) mode=$argument ;;
    esac
done
[ -n "$root" ] || fail "cannot find the root: no root= on the kernel command line"

while read -r module; do
    insmod "/modules/$module" 2>/dev/null || echo "initrd: cannot load $module" >/dev/kmsg
done </modules/order

# The device behind $root, or nothing.
find_root() {
    case $root in
    *=*) /lib/loader --library-path /lib /bin/findfs "$root" 2>/dev/null ;;
    *) if [ -b "$root" ]; then echo "$root"; fi ;;
    esac
}

tries=0
until device=$(find_root) && [ -n "$device" ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 300 ] || fail "cannot find the root device '$root'"
    sleep 0.1
done
mount -t "$type" -o "$mode$flags" "$device" /sysroot || fail "cannot mount '$device' as $type"

# The root may lack mount points of its own; then the next init mounts these anew.
for tree in dev proc sys; do
    mount --move "/$tree" "/sysroot/$tree" 2>/dev/null || umount -l "/$tree"
done
exec switch_root /sysroot "$init"
