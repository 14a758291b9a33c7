# SPDX-License-Identifier: Apache-2.0
#
# The activation script's text, as nixpkgs' activation-script.nix composes it of snippets; @out@ is the toplevel. It
# really activates: a writable root can start through the toplevel's own `init`.
{ lib, packages, kernel, etc, users, greeting, modprobe }:
let
  inherit (packages) bash coreutils e2fsprogs perl-base;
  inherit (lib) write_text;
  perl = "${perl-base}/bin/perl";

  path = with packages; [ coreutils grep findutils libc-bin login passwd hostname mount util-linux ];

  early_mount_script = write_text "mounts.sh" ''
    specialMount "devtmpfs" "/dev" "nosuid,strictatime,mode=755,size=5%" "devtmpfs"
    specialMount "devpts" "/dev/pts" "nosuid,noexec,mode=620,ptmxmode=0666,gid=5" "devpts"
    specialMount "tmpfs" "/dev/shm" "nosuid,nodev,strictatime,mode=1777,size=50%" "tmpfs"
    specialMount "proc" "/proc" "nosuid,noexec,nodev" "proc"
    specialMount "tmpfs" "/run" "nosuid,nodev,strictatime,mode=755,size=25%" "tmpfs"
    specialMount "sysfs" "/sys" "nosuid,noexec,nodev" "sysfs"
  '';

  # In nixpkgs' order: by name, dependencies first.
  snippets = [
    { name = "specialfs"; text = ''
        specialMount() {
          local device="$1"
          local mountPoint="$2"
          local options="$3"
          local fsType="$4"

          if mountpoint -q "$mountPoint"; then
            return
          fi
          mkdir -m 0755 -p "$mountPoint"
          mount -t "$fsType" -o "$options" "$device" "$mountPoint"
        }
        source ${early_mount_script}
      ''; }
    { name = "binsh"; text = ''
        # Where the root's /bin leads to the system path, that has a shell.
        if [ ! -L /bin ]; then
          mkdir -m 0755 -p /bin
          ln -sfn "${bash}/bin/sh" /bin/.sh.tmp
          mv /bin/.sh.tmp /bin/sh # atomically replace /bin/sh
        fi
      ''; }
    { name = "users"; text = ''
        install -m 0700 -d /root
        install -m 0755 -d /home

        ${perl} \
        -w ${write_text "update-users-groups.pl" (builtins.readFile ./update-users-groups.pl)} ${users}
      ''; }
    { name = "groups"; text = ""; }
    { name = "etc"; text = ''
        # Set up the statically computed bits of /etc.
        echo "setting up /etc..."
        ${perl} ${write_text "setup-etc.pl" (builtins.readFile ./setup-etc.pl)} ${etc}/etc
      ''; }
    { name = "hashes"; text = ''
        users=()
        while IFS=: read -r user hash _; do
          if [[ "$hash" = "$"* && ! "$hash" =~ ^\$(y|gy|7|2b|2y|2a|6)\$ ]]; then
            users+=("$user")
          fi
        done </etc/shadow

        if (( "''${#users[@]}" )); then
          printf ' - %s\n' "''${users[@]}"
        fi
      ''; }
    { name = "custom-greeting"; text = ''
        # What no image builder can know of: see the report of a sealed build.
        ${greeting}/bin/greeting > /var/lib/greeting
      ''; }
    { name = "modprobe"; text = ''
        # Allow the kernel to find our wrapped modprobe (which searches in the right location in the Nix store for
        # kernel modules).
        echo ${modprobe} > /proc/sys/kernel/modprobe
      ''; }
    { name = "stdio"; text = ""; }
    { name = "udevd"; text = ''
        # The deprecated hotplug uevent helper is not used anymore
        if [ -e /proc/sys/kernel/hotplug ]; then
          echo "" > /proc/sys/kernel/hotplug
        fi

        # Allow the kernel to find our firmware.
        if [ -e /sys/module/firmware_class/parameters/path ]; then
          echo -n "${kernel.firmware}/lib/firmware" > /sys/module/firmware_class/parameters/path
        fi
      ''; }
    { name = "usrbinenv"; text = ''
        if [ ! -L /usr ]; then
          mkdir -p /usr/bin
          chmod 0755 /usr/bin
          ln -sfn ${coreutils}/bin/env /usr/bin/.env.tmp
          mv /usr/bin/.env.tmp /usr/bin/env # atomically replace /usr/bin/env
        fi
      ''; }
    { name = "var"; text = ''
        # Various log/runtime directories.
        mkdir -m 1777 -p /var/tmp

        # Empty, immutable home directory of many system accounts.
        mkdir -p /var/empty
        # Make sure it's really empty
        ${e2fsprogs}/bin/chattr -f -i /var/empty || true
        find /var/empty -mindepth 1 -delete
        chmod 0555 /var/empty
        chown root:root /var/empty
        ${e2fsprogs}/bin/chattr -f +i /var/empty || true
      ''; }
  ];

  headed = { name, text }: ''
    #### Activation script snippet ${name}:
    _localstatus=0
    ${text}

    if (( _localstatus > 0 )); then
      printf "Activation script snippet '%s' failed (%s)\n" "${name}" "$_localstatus"
    fi

  '';
in
{
  activate = ''
    #! ${bash}/bin/bash

    systemConfig='@out@'

    export PATH=/empty
    for i in ${lib.words path}; do
        PATH=$PATH:$i/bin:$i/sbin
    done

    _status=0
    trap "_status=1 _localstatus=\$?" ERR

    # Ensure a consistent umask.
    umask 0022

    ${builtins.concatStringsSep "" (map headed snippets)}
    # Make this configuration the current configuration.
    # The readlink is there to ensure that when $systemConfig = /system
    # (which is a symlink to the store), /run/current-system is still
    # used as a garbage collection root.
    ln -sfn "$(readlink -f "$systemConfig")" /run/current-system

    exit $_status
  '';

  dry_activate = ''
    #! ${bash}/bin/bash

    systemConfig='@out@'
    export NIXOS_ACTION=dry-activate
    echo "would activate $systemConfig"
  '';

  # Stage 2.
  init = ''
    #! ${bash}/bin/bash

    systemConfig='@out@'
    export HOME=/root PATH=${builtins.concatStringsSep ":" (map (path: "${path}/bin") path)}

    echo
    echo -e "\e[1;32m<<< NixOS Stage 2 >>>\e[0m"
    echo

    # Stage 1 mounts the root as the kernel command line says.
    mount -n -o remount,rw none /
    mkdir -m 0755 -p /etc /proc /sys /dev /run /var /var/log /var/lib /nix/var
    mkdir -m 01777 -p /tmp

    echo "running activation script..."
    "$systemConfig/activate"

    ln -sfn "$systemConfig" /run/booted-system

    echo "starting systemd..."
    exec /run/current-system/systemd/lib/systemd/systemd "$@"
  '';
}
