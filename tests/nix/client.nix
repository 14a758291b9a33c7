# SPDX-License-Identifier: Apache-2.0
#
# Beside nix/examples/web-server.nix, once nginx is up: a client that asks it for its pages, and starts it once more, as root, to read
# what is none of a web server's business. It says over the console what came of that, as the probe does (tests/closure/README.md).
{ config, lib, pkgs, ... }:
let
  inherit (pkgs.sample.packages) coreutils nginx;
  page = "${config.services.nginx.virtualHosts.default.root}/index.html";
  client = pkgs.writeShellScriptBin "client" ''
    set -e
    PATH=${coreutils}/bin

    say() { printf '\nPROBE %s\n' "$1" >/dev/console; }
    # It may have been started a moment ago.
    connect() {
      for _ in {1..300}; do
        if { exec 3<>/dev/tcp/127.0.0.1/80; } 2>/dev/null; then return; fi
        sleep 0.1
      done
      return 1
    }
    answer_to() {
      connect
      printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3
      tr -d '\r' <&3
    }

    answer=$(answer_to /)
    say "page=''${answer#*$'\n\n'}"
    # Nothing listens there, which nginx finds out only if it may connect.
    answer=$(answer_to /api)
    say "api=''${answer%%$'\n'*}"
    say "httpd_can_network_connect=$(cat /sys/fs/selinux/booleans/httpd_can_network_connect)"
    say "page-label=$(stat --format=%C ${page})"
    refusal=$(${nginx}/sbin/nginx -t -c /etc/shadow 2>&1 || true)
    refusal=''${refusal%%$'\n'*}
    say "shadow=''${refusal#*: }"
  '';
in
{
  systemd.units."client.service" = {
    text = ''
      [Unit]
      After=nginx.service
      Description=Client of the Web Server

      [Service]
      ExecStart=${client}/bin/client
      Type=oneshot
    '';
    wantedBy = [ "multi-user.target" ];
  };
}
