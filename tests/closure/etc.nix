# SPDX-License-Identifier: Apache-2.0
#
# The `etc` store path, as nixpkgs' etc.nix makes it: a link for each entry, to a store path of its own, and beside an
# entry that is to be copied NAME.mode, NAME.uid and NAME.gid. Its `os_release` is that entry's file alone.
{ lib, packages, units, configured }:
let
  inherit (lib) run quote words write_text;
  modules = "${packages.libpam-modules}/lib/${lib.target.triplet}/security";
  systemd = packages.systemd;

  text = content: { text = content; };
  file = source: { inherit source; };
  # Copied with this mode; `user` and `group` are names, or ids after `+`.
  copied = mode: entry: { inherit mode; } // entry;

  # An account's session, with SELinux's part where there is SELinux.
  pam_session = lines: text ''
    # Account management.
    account required ${modules}/pam_unix.so

    # Authentication management.
    auth sufficient ${modules}/pam_unix.so likeauth try_first_pass
    auth required ${modules}/pam_deny.so

    # Password management.
    password sufficient ${modules}/pam_unix.so nullok yescrypt

    # Session management.
    session [success=ok ignore=ignore module_unknown=ignore default=bad] ${modules}/pam_selinux.so close
    session required ${modules}/pam_env.so conffile=/etc/pam/environment readenv=0
    session required ${modules}/pam_unix.so
    ${lines}session [success=ok ignore=ignore module_unknown=ignore default=bad] ${modules}/pam_selinux.so open
  '';
  with_loginuid = "session required ${modules}/pam_loginuid.so\n";
  with_logind = "session optional ${packages.libpam-systemd}/lib/${lib.target.triplet}/security/pam_systemd.so\n";

  # For tests only: made once, and kept by the cache.
  host_keys = run "ssh-test-host-keys" { } ''
    mkdir -p "$out"
    for type in ed25519 rsa; do
      ssh-keygen -q -t "$type" -N "" -C test -f "$out/ssh_host_''${type}_key"
    done
  '';

  udev_rules = run "udev-rules" { sources = with packages; [ udev dmsetup systemd kmod ]; } ''
    mkdir -p "$out"
    for source in $sources; do
      for rules in "$source"/lib/udev/rules.d/*.rules; do
        if [ -e "$rules" ]; then cp "$rules" "$out/"; fi
      done
    done
  '';

  tmpfiles_rules = write_text "00-nixos.conf" ''
    # This file is created automatically and should not be modified.
    d /run/sshd 0755 root root -
    d /run/lock 0755 root root -
    L /var/lock - - - - ../run/lock
    d /var/empty 0555 root root -
    d /var/log/nginx 0755 root adm -
    d /var/lib/nginx 0755 root root -
    d /var/spool/cron 0755 root root -
    d /var/spool/cron/crontabs 1730 root crontab -
  '';
  tmpfiles = run "tmpfiles.d" { } ''
    mkdir -p "$out"
    ln -s ${tmpfiles_rules} "$out/00-nixos.conf"
    for name in systemd systemd-nologin systemd-tmp tmp var x11; do
      ln -s "${systemd}/lib/tmpfiles.d/$name.conf" "$out/"
    done
    ln -s ${packages.udev}/lib/tmpfiles.d/static-nodes-permissions.conf "$out/"
  '';

  dbus = run "dbus-1" { } ''
    mkdir -p "$out"
    for kind in system session; do
      printf '%s\n' '<?xml version="1.0"?>' \
        '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"' \
        '  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">' '<busconfig>' >"$out/$kind.conf"
    done
    printf '%s\n' '<servicedir>${systemd}/share/dbus-1/system-services</servicedir>' \
      '<includedir>${systemd}/share/dbus-1/system.d</includedir>' '</busconfig>' >>"$out/system.conf"
    echo '</busconfig>' >>"$out/session.conf"
  '';

  site = run "site" { } ''
    mkdir -p "$out/share/www"
    echo '<p>Engraved.' >"$out/share/www/index.html"
  '';

  user_tables = run "fcgi-tables" { } ''
    mkdir -p "$out"
    cp ${packages.nginx-common}/etc/nginx/*_params "$out/"
  '';

  entries = {
    "NIXOS" = text "";
    "bashrc" = text "# /etc/bashrc: DO NOT EDIT -- this file has been generated automatically.\nPS1='\\u@\\h:\\w\\$ '\n";
    "crontab" = copied "0600" (text "SHELL=/run/current-system/sw/bin/bash\n17 * * * * root true\n");
    "dbus-1" = file dbus;
    "default/useradd" = file "${packages.passwd}/etc/default/useradd";
    "fstab" = text "# This is a generated file.  Do not edit!\n\n# <file system> <mount point> <type> <options> <dump> <pass>\n";
    "host.conf" = text "multi on\n";
    "hostname" = text "intaglio\n";
    "hosts" = text "127.0.0.1 localhost\n::1 localhost\n127.0.0.2 intaglio\n";
    "inputrc" = text "set completion-ignore-case off\n";
    "issue" = text "\nIntaglio sample closure (\\m) - \\l\n\n";
    "localtime" = copied "direct-symlink" (file "/etc/zoneinfo/UTC");
    "login.defs" = file "${packages.login}/etc/login.defs";
    "lsb-release" = text "DISTRIB_ID=nixos\nDISTRIB_RELEASE=\"24.11\"\n";
    "modprobe.d/nixos.conf" = text "";
    "modules-load.d/nixos.conf" = text "loop\n";
    "mtab" = copied "direct-symlink" (file "/proc/mounts");
    "nginx/htpasswd" = copied "0640" { text = "alice:{PLAIN}alice\n"; group = "nginx"; };
    "nginx/mime.types" = file "${packages.nginx-common}/etc/nginx/mime.types";
    "nginx/nginx.conf" = text ''
      user nginx nginx;
      worker_processes 1;
      pid /run/nginx.pid;
      error_log /var/log/nginx/error.log;
      events { }
      http {
        include /etc/nginx/mime.types;
        access_log /var/log/nginx/access.log;
        ${configured.servers or servers}
      }
    '';
    # nixpkgs links what a glob matches, one by one.
    "nginx/tables" = file "${user_tables}/*";
    "nsswitch.conf" = text "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n";
    "os-release" = text ''
      ID=nixos
      NAME=NixOS
      PRETTY_NAME="Intaglio sample closure"
      VERSION_ID="24.11"
    '';
    "pam.d/cron" = pam_session with_loginuid;
    "pam.d/login" = pam_session (with_loginuid + with_logind);
    "pam.d/other" = text ''
      auth required ${modules}/pam_deny.so
      account required ${modules}/pam_deny.so
      password required ${modules}/pam_deny.so
      session required ${modules}/pam_deny.so
    '';
    "pam.d/passwd" = pam_session "";
    "pam.d/sshd" = pam_session (with_loginuid + with_logind);
    "pam.d/su" = pam_session "";
    "pam.d/systemd-user" = pam_session with_logind;
    "pam/environment" = text "PATH DEFAULT=\"/run/current-system/sw/bin\"\n";
    "profile" = text "export PATH=/run/current-system/sw/bin:/run/current-system/sw/sbin\n";
    "resolv.conf" = copied "direct-symlink" (file "/run/systemd/resolve/stub-resolv.conf");
    "security/limits.conf" = file "${packages.libpam-modules}/etc/security/limits.conf";
    "shells" = text "/run/current-system/sw/bin/bash\n/run/current-system/sw/bin/sh\n/bin/sh\n";
    "ssh/authorized_keys.d/alice" = copied "0444" (file "${host_keys}/ssh_host_ed25519_key.pub");
    "ssh/moduli" = file "${packages.openssh-server}/etc/ssh/moduli";
    "ssh/ssh_config" = text "AddressFamily any\n";
    "ssh/ssh_host_ed25519_key" = copied "0600" (file "${host_keys}/ssh_host_ed25519_key");
    "ssh/ssh_host_ed25519_key.pub" = copied "0644" (file "${host_keys}/ssh_host_ed25519_key.pub");
    "ssh/ssh_host_rsa_key" = copied "0600" (file "${host_keys}/ssh_host_rsa_key");
    "ssh/ssh_host_rsa_key.pub" = copied "0644" (file "${host_keys}/ssh_host_rsa_key.pub");
    "ssh/sshd_config" = text ''
      AuthorizedKeysFile %h/.ssh/authorized_keys /etc/ssh/authorized_keys.d/%u
      HostKey /etc/ssh/ssh_host_ed25519_key
      HostKey /etc/ssh/ssh_host_rsa_key
      PermitRootLogin prohibit-password
      Subsystem sftp ${packages.openssh-sftp-server}/lib/openssh/sftp-server
      UsePAM yes
    '';
    "static-note" = copied "symlink" (text "An entry whose mode says that it stays a link.\n");
    "sudoers" = copied "0440" (text "root ALL=(ALL:ALL) SETENV: ALL\n");
    # The kernel prints at most ten denials in five seconds otherwise.
    "sysctl.d/60-nixos.conf" = text "kernel.printk_ratelimit=0\nkernel.sysrq=16\nnet.ipv4.ping_group_range=0 2147483647\n";
    # /var is in memory anyway; and journald would make /var/log before tmpfiles can label it.
    "systemd/journald.conf" = text "[Journal]\nStorage=volatile\nRateLimitInterval=30s\nRateLimitBurst=100000\nAudit=yes\n";
    "systemd/logind.conf" = text "[Login]\nKillUserProcesses=no\n";
    "systemd/sleep.conf" = text "[Sleep]\n";
    "systemd/system" = file units.system;
    "systemd/system.conf" = text "[Manager]\nDefaultTimeoutStartSec=90s\n";
    "systemd/user" = file units.user;
    "systemd/user.conf" = text "[Manager]\n";
    "terminfo" = file "${packages.ncurses-base}/lib/terminfo";
    "tmpfiles.d" = file tmpfiles;
    "udev/rules.d" = file udev_rules;
    "udev/udev.conf" = text "udev_log=info\n";
    "vconsole.conf" = text "KEYMAP=us\n";
    "zoneinfo" = file "${packages.tzdata}/share/zoneinfo";
  } // configured.etc;

  servers = "server {\n    listen 80;\n    root ${site}/share/www;\n  }";

  source_of = name: entry:
    entry.source or (write_text "etc-${builtins.replaceStrings [ "/" ] [ "-" ] name}" entry.text);
in
run "etc" { } ''
  mkdir -p "$out/etc"
  entry() {
    local source=$1 target=$out/etc/$2 mode=$3 user=$4 group=$5 matched
    if [[ $source = *'*'* ]]; then
      mkdir -p "$target"
      for matched in $source; do ln -s "$matched" "$target/"; done
      return
    fi
    mkdir -p "$(dirname "$target")"
    ln -s "$source" "$target"
    [ -n "$mode" ] || return 0
    echo "$mode" >"$target.mode"
    echo "$user" >"$target.uid"
    echo "$group" >"$target.gid"
  }
  ${lib.lines (lib.map_attrs_to_list (name: attributes: words ([ "entry" ] ++ map quote [
    (source_of name attributes) name (attributes.mode or "") (attributes.user or "+0") (attributes.group or "+0")
  ])) entries)}
'' // { os_release = source_of "os-release" entries."os-release"; }
