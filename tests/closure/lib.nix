# SPDX-License-Identifier: Apache-2.0
#
# The few functions that nixpkgs would supply. A builder is the host's bash with the host's tools: what is
# built is data to be packed, and nothing here has to be rebuilt bit by bit on another machine. `architecture`, Debian's
# name of it, is that of the system; builders run on the host.
{ architecture }:
rec {
  target = {
    amd64 = {
      system = "x86_64-linux";
      triplet = "x86_64-linux-gnu";
      loader = "ld-linux-x86-64.so.2";
      kernel_image = "bzImage";
      modules = "crc32c-intel";
      lib_folders = [ "lib" "lib64" ];
      device_trees = "";
    };
    arm64 = {
      system = "aarch64-linux";
      triplet = "aarch64-linux-gnu";
      loader = "ld-linux-aarch64.so.1";
      kernel_image = "Image";
      modules = "sha2-ce";
      lib_folders = [ "lib" ];
      # Where the boards that Intaglio knows have theirs, as far as this kernel has them.
      device_trees = words [
        "allwinner/sun50i-a64-* freescale/imx8mq-librem5-* qcom/* rockchip/rk3399-*"
      ];
    };
  }.${architecture};

  derive = name: attributes: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/bash";
    PATH = "/usr/bin:/bin:/usr/sbin:/sbin";
    LC_ALL = "C";
  } // attributes);

  # A store path made by a few lines of bash. They end in `:`, since bash would otherwise become its last command, and Nix kills
  # a builder that has closed its output, as cp does before it exits.
  run = name: attributes: script:
    derive name ({ args = [ "-euo" "pipefail" "-c" "${script}\n:" ]; } // attributes);

  # A store path that is one file.
  write_text = name: text:
    run name { inherit text; passAsFile = [ "text" ]; } ''cp "$textPath" "$out"'';

  # A store path with one program in bin/, as nixpkgs' writeShellScriptBin makes it.
  write_script_bin = name: program: text:
    run name { inherit text; passAsFile = [ "text" ]; } ''
      mkdir -p "$out/bin"
      cp "$textPath" "$out/bin/${program}"
      chmod +x "$out/bin/${program}"
    '';

  lines = builtins.concatStringsSep "\n";
  words = builtins.concatStringsSep " ";
  quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] (toString text) + "'";
  # For each attribute f name value, in the order of names.
  map_attrs_to_list = f: set: map (name: f name set.${name}) (builtins.attrNames set);
}
