# SPDX-License-Identifier: Apache-2.0
#
# users-groups.json, as NixOS's users-groups.nix writes it for update-users-groups.pl. Every user and group of Debian's
# packages has a fixed id here: a sealed image has no state to keep allocated ones in.
{ lib }:
let
  user = attributes: {
    autoSubUidGidRange = false;
    createHome = false;
    description = "";
    expires = null;
    group = attributes.name;
    hashedPassword = null;
    hashedPasswordFile = null;
    home = "/var/empty";
    homeMode = "700";
    initialHashedPassword = null;
    initialPassword = null;
    isSystemUser = true;
    password = null;
    shell = "/run/current-system/sw/bin/nologin";
    subGidRanges = [ ];
    subUidRanges = [ ];
  } // attributes;
  system_user = name: uid: user { inherit name uid; };

  group = name: gid: members: { inherit name gid members; };
in
lib.write_text "users-groups.json" (builtins.toJSON {
  mutableUsers = false;
  users = [
    (user {
      name = "alice";
      uid = 1000;
      description = "Alice Élan";
      group = "users";
      home = "/home/alice";
      createHome = true;
      isSystemUser = false;
      shell = "/run/current-system/sw/bin/bash";
      # "alice"
      hashedPassword = "$6$intaglio$22LxwZRjFgojtROFFxt4aiZVAcW9WGV/SLwGu29Rv04fjilTCJKzbdClH0Ff04q5owzjIv.w5XOH/792G44A61";
      autoSubUidGidRange = true;
    })
    (user {
      name = "root";
      uid = 0;
      description = "System administrator";
      home = "/root";
      isSystemUser = false;
      shell = "/run/current-system/sw/bin/bash";
      hashedPassword = "!";
      initialHashedPassword = "!";
    })
    (user {
      name = "nobody";
      uid = 65534;
      description = "Unprivileged account (don't use!)";
      group = "nogroup";
    })
    (user { name = "nginx"; uid = 60; description = "Nginx web server user"; })
    (user { name = "sshd"; uid = 2; description = "SSH privilege separation user"; })
    (user { name = "messagebus"; uid = 4; description = "D-Bus system message bus daemon user"; home = "/run/dbus"; })
    (system_user "systemd-network" 152)
    (system_user "systemd-resolve" 153)
    (system_user "systemd-timesync" 154)
  ];
  groups = [
    (group "root" 0 [ ])
    (group "wheel" 1 [ "alice" ])
    (group "sshd" 2 [ ])
    (group "kmem" 3 [ ])
    (group "tty" 5 [ ])
    (group "messagebus" 4 [ ])
    (group "disk" 6 [ ])
    (group "adm" 55 [ "alice" ])
    (group "nginx" 60 [ ])
    (group "crontab" 61 [ ])
    (group "systemd-journal" 62 [ "alice" ])
    (group "audio" 17 [ ])
    (group "floppy" 18 [ ])
    (group "uucp" 19 [ ])
    (group "lp" 20 [ ])
    (group "cdrom" 24 [ ])
    (group "tape" 25 [ ])
    (group "video" 26 [ "alice" ])
    (group "dialout" 27 [ "alice" ])
    (group "utmp" 29 [ ])
    (group "users" 100 [ ])
    (group "systemd-network" 152 [ ])
    (group "systemd-resolve" 153 [ ])
    (group "systemd-timesync" 154 [ ])
    (group "input" 174 [ ])
    (group "shadow" 318 [ ])
    (group "kvm" 302 [ ])
    (group "render" 303 [ ])
    (group "sgx" 304 [ ])
    (group "nogroup" 65534 [ ])
  ];
})
