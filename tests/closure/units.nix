# SPDX-License-Identifier: Apache-2.0
#
# `system-units` and `user-units`, as nixpkgs' systemd-lib.nix generates them: links to upstream units, one store path per unit
# of our own, overrides.conf where upstream has the unit already, and wants folders.
{ lib, packages, configured, tidy }:
let
  inherit (packages) bash coreutils cron kmod login mount nginx openssh-server procps systemd util-linux;
  inherit (lib) run words write_script_bin write_text;

  path_safe = builtins.replaceStrings [ "@" ":" "\\" "[" "]" ] [ "-" "-" "-" "" "" ];
  unit = name: text: run "unit-${path_safe name}" { inherit text; passAsFile = [ "text" ]; } ''
    mkdir -p "$out"
    cp "$textPath" "$out/${name}"
  '';

  search_path = paths: "Environment=\"PATH=${builtins.concatStringsSep ":" (
    map (path: "${path}/bin") paths ++ map (path: "${path}/sbin") paths)}\"";
  common_path = [ coreutils packages.findutils packages.grep packages.sed systemd ];
  script = name: text:
    "${write_script_bin "unit-script-${name}" name "#! ${bash}/bin/bash -e\n${text}"}/bin/${name}";

  # A root that cannot be written needs these in memory. Without SELinux the kernel refuses `rootcontext=`, and a mount
  # unit has one set of options only: then a service mounts, and systemd finds the mount unit active.
  memory_mount = { name, where, mode, type }: {
    "${name}.mount" = {
      text = ''
        [Unit]
        Description=${where} in memory
        ConditionSecurity=selinux
        DefaultDependencies=no
        Conflicts=umount.target
        Before=local-fs.target umount.target

        [Mount]
        What=tmpfs
        Where=${where}
        Type=tmpfs
        Options=mode=${mode},nosuid,nodev,rootcontext=system_u:object_r:${type}:s0
      '';
      requiredBy = [ "local-fs.target" ];
    };
    "${name}-unlabelled.service" = {
      text = ''
        [Unit]
        Description=${where} in memory, without SELinux
        ConditionSecurity=!selinux
        DefaultDependencies=no
        Before=local-fs.target ${name}.mount

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=${mount}/bin/mount -t tmpfs -o mode=${mode},nosuid,nodev tmpfs ${where}
      '';
      wantedBy = [ "local-fs.target" ];
    };
  };

  units = memory_mount { name = "var"; where = "/var"; mode = "0755"; type = "var_t"; }
    // memory_mount { name = "tmp"; where = "/tmp"; mode = "1777"; type = "tmp_t"; }
    // {
    "sshd.service" = {
      text = ''
        [Unit]
        After=network.target
        Description=SSH Daemon

        [Service]
        ${search_path common_path}
        ExecStart=${openssh-server}/sbin/sshd -D -f /etc/ssh/sshd_config
        KillMode=process
        Restart=always
        Type=simple
      '';
      wantedBy = [ "multi-user.target" ];
    };

    "cron.service" = {
      text = ''
        [Unit]
        After=local-fs.target
        Description=Cron Daemon

        [Service]
        ${search_path common_path}
        ExecStart=${cron}/sbin/cron -f
        Type=simple
      '';
      wantedBy = [ "multi-user.target" ];
    };

    "nginx.service" = {
      text = ''
        [Unit]
        After=network.target
        Description=Nginx Web Server
        StartLimitIntervalSec=60

        [Service]
        ${search_path common_path}
        ExecReload=${procps}/bin/kill -HUP $MAINPID
        ExecStart=${nginx}/sbin/nginx -c /etc/nginx/nginx.conf -g 'daemon off;'
        ExecStartPre=${script "nginx-pre-start" ''
          ${nginx}/sbin/nginx -c /etc/nginx/nginx.conf -t -q
        ''}
        Restart=always
        RestartSec=10s
      '';
      wantedBy = [ "multi-user.target" ];
    };

    "tidy.service".text = ''
      [Unit]
      Description=Tidy the Appliance

      [Service]
      ${search_path common_path}
      ExecStart=${tidy}/bin/tidy
      Type=oneshot
    '';
    "tidy.timer" = {
      text = ''
        [Timer]
        OnCalendar=daily
      '';
      wantedBy = [ "timers.target" ];
    };

    # Not Type=oneshot: then its own job would keep the boot, whose end it waits for, from ending.
    "probe.service" = {
      text = ''
        [Unit]
        After=multi-user.target sshd.service cron.service nginx.service dbus.service systemd-logind.service getty.target
        Description=Report the State of the Boot over the Console

        [Service]
        ${search_path (common_path ++ [ procps util-linux packages.gawk ])}
        ExecStart=${script "probe-start" (builtins.readFile ./probe.sh)}
        Type=simple
      '';
      wantedBy = [ "default.target" ];
    };

    # Overrides of upstream's units, as NixOS has them.
    "getty@.service" = {
      text = ''
        [Service]
        ExecStart=
        ExecStart=-${util-linux}/sbin/agetty --login-program ${login}/bin/login --noclear --keep-baud %I 115200,38400,9600 $TERM
        Restart=always
      '';
      wantedBy = [ ];
    };
    "serial-getty@.service".text = ''
      [Service]
      ExecStart=
      ExecStart=-${util-linux}/sbin/agetty --login-program ${login}/bin/login %I --keep-baud 115200,57600,38400,9600 $TERM
      Restart=always
    '';
    # Debian's unit looks for a D-Bus unit at a place that this root does not have.
    "systemd-logind.service".text = ''
      [Unit]
      ConditionPathExists=

      [Service]
      Environment="PATH=${coreutils}/bin"
    '';
    "systemd-modules-load.service".text = ''
      [Service]
      SuccessExitStatus=0 1
    '';
  } // configured.units;

  upstream = words [
    "basic.target sysinit.target sockets.target exit.target multi-user.target graphical.target timers.target paths.target"
    "network.target network-pre.target network-online.target nss-lookup.target nss-user-lookup.target time-sync.target"
    "time-set.target getty.target getty-pre.target getty@.service serial-getty@.service console-getty.service"
    "local-fs.target local-fs-pre.target remote-fs.target remote-fs-pre.target swap.target slices.target first-boot-complete.target"
    "dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount"
    "sys-kernel-tracing.mount rescue.target rescue.service emergency.target emergency.service"
    "systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald.service"
    "systemd-journal-flush.service systemd-tmpfiles-setup-dev.service systemd-tmpfiles-setup.service"
    "systemd-tmpfiles-clean.service systemd-tmpfiles-clean.timer systemd-modules-load.service kmod-static-nodes.service"
    "modprobe@.service systemd-random-seed.service systemd-sysctl.service systemd-update-utmp.service"
    "systemd-user-sessions.service systemd-logind.service systemd-machine-id-commit.service systemd-fsck@.service"
    "systemd-ask-password-console.path systemd-ask-password-console.service systemd-ask-password-wall.path"
    "systemd-ask-password-wall.service systemd-hostnamed.service dbus-org.freedesktop.hostname1.service"
    "user.slice user-.slice.d user@.service user@.service.d user-runtime-dir@.service machine.slice"
    "reboot.target poweroff.target halt.target kexec.target shutdown.target umount.target final.target"
    "systemd-reboot.service systemd-poweroff.service systemd-halt.service systemd-kexec.service systemd-exit.service"
    "autovt@.service dbus-org.freedesktop.login1.service ctrl-alt-del.target"
  ];
  upstream_wants = words [
    "sysinit.target.wants sockets.target.wants local-fs.target.wants multi-user.target.wants timers.target.wants"
  ];

  made = builtins.mapAttrs (name: attributes: { unit = unit name attributes.text; } // attributes) units;
  links = relation: folder: builtins.concatStringsSep "" (lib.map_attrs_to_list (name: attributes:
    builtins.concatStringsSep "" (map (target: ''
      mkdir -p "$out/${target}.${folder}"
      ln -sfn '../${name}' "$out/${target}.${folder}/"
    '') (attributes.${relation} or [ ]))) made);
in
{
  system = run "system-units"
    {
      inherit upstream upstream_wants;
      # Whose units are all taken, as by `systemd.packages`.
      taken = with packages; [ udev dbus dbus-system-bus-common ];
      own = lib.map_attrs_to_list (_: attributes: attributes.unit) made;
    } ''
    source=${systemd}/lib/systemd/system
    mkdir -p "$out"
    for name in $upstream; do
      if [ -L "$source/$name" ]; then cp -d "$source/$name" "$out/"; else ln -s "$source/$name" "$out/"; fi
    done
    for package in $taken; do
      for file in "$package"/lib/systemd/system/*; do
        case $file in *.wants) continue ;; esac
        [ -e "$out/''${file##*/}" ] || ln -s "$file" "$out/"
      done
    done
    # Of upstream's wants, those that lead to units which are here.
    for wants in $upstream_wants; do
      mkdir -p "$out/$wants"
      for root in ${systemd} $taken; do
        for link in "$root/lib/systemd/system/$wants"/*; do
          [ -e "$out/''${link##*/}" ] || continue
          ln -sfn "../''${link##*/}" "$out/$wants/"
        done
      done
    done

    for unit in $own; do
      name=$(basename "$unit"/*)
      if [ -e "$out/$name" ]; then
        mkdir -p "$out/$name.d"
        ln -s "$unit/$name" "$out/$name.d/overrides.conf"
      else
        ln -s "$unit/$name" "$out/"
      fi
    done
    ${links "wantedBy" "wants"}
    ${links "requiredBy" "requires"}
    ln -sfn multi-user.target "$out/default.target"
    ln -sfn reboot.target "$out/ctrl-alt-del.target"
    ln -sfn rescue.target "$out/kbrequest.target"
    mkdir -p "$out/getty.target.wants" "$out/default.target.wants"
    ln -sfn ../autovt@tty1.service "$out/getty.target.wants/"
    ln -sfn ../remote-fs.target "$out/multi-user.target.wants/"
  '';

  user = run "user-units" { } ''
    mkdir -p "$out"
    for name in basic.target default.target exit.target paths.target shutdown.target sockets.target timers.target \
        systemd-exit.service; do
      ln -s "${systemd}/lib/systemd/user/$name" "$out/"
    done
  '';
}
