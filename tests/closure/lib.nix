# SPDX-License-Identifier: Apache-2.0
#
# The few functions that nixpkgs would supply. A builder is the host's bash with the host's tools: what is
# built is data to be packed, and nothing here has to be rebuilt bit by bit on another machine.
rec {
  triplet = "x86_64-linux-gnu";

  derive = name: attributes: derivation ({
    inherit name;
    system = "x86_64-linux";
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
