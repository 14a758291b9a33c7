# SPDX-License-Identifier: Apache-2.0
#
# closureInfo, as nixpkgs has it, with what `make` hands out besides.
{ lib, toplevel, contents }:
lib.derive "closure-info" {
  args = [ "-euo" "pipefail" "-c" ''
    # With structured attributes, nothing is in the environment.
    export PATH=/usr/bin:/bin LC_ALL=C
    out=$(jq -r .outputs.out .attrs.json)
    mkdir -p "$out"
    jq -r '.closure[].path' .attrs.json | sort >"$out/store-paths"
    jq -r '.closure | map([.path, .narHash, .narSize, "", (.references | length)] + .references) | add | .[]' \
      .attrs.json >"$out/registration"
    jq -r .contents .attrs.json >"$out/contents.json"
    jq -r .toplevel .attrs.json >"$out/toplevel"
  '' ];
  __structuredAttrs = true;
  exportReferencesGraph.closure = [ toplevel ];
  inherit contents;
  toplevel = "${toplevel}";
}
