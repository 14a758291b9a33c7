# SPDX-License-Identifier: Apache-2.0
#
# What nix/kernel-config.nix asks of kernels, by board, version and profile: for comparison with the program, which says it as JSON.
let
  boards = import ../../nix/boards.nix;
  of = board: kernelVersion: profile: {
    name = "${board} ${kernelVersion} ${profile}";
    value = map (asked: { inherit (asked) symbol value choice severity; }) (import ../../nix/kernel-config.nix {
      board = boards.${board};
      format = boards.${board}.root.format;
      compression = "zstd";
      mode = "enforcing";
      inherit kernelVersion profile;
    });
  };
in
builtins.listToAttrs (builtins.concatMap
  (board: builtins.concatMap
    (version: map (of board version) [ "devel" "production" ])
    [ "4.19" "6.1" "6.12.41" ])
  (builtins.attrNames boards))
