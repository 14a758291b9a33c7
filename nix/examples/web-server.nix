# SPDX-License-Identifier: Apache-2.0
#
# A machine with UEFI that serves a folder, and a program behind it, by nginx, which the policy confines as httpd_t: it reads what a label
# rule says that it may, and connects to the program as a boolean says.
{ pkgs, ... }:
let
  site = pkgs.runCommand "site" { } ''
    mkdir -p "$out/share/www"
    echo '<h1>It is served.</h1>' >"$out/share/www/index.html"
  '';
in
{
  imports = [ ../module.nix ];

  services.nginx = {
    enable = true;
    virtualHosts.default = {
      root = "${site}/share/www";
      locations."/api".proxyPass = "http://127.0.0.1:8080";
    };
  };
  networking.firewall.allowedTCPPorts = [ 80 ];

  appliance = {
    enable = true;
    board = "uefi-x86_64";
    mac = {
      # Where it lies says nothing of what it is.
      labelRules = ''
        package site /share/www httpd_sys_content_t
      '';
      booleans.httpd_can_network_connect = true;
    };
    boot.profile = "production";
  };
}
