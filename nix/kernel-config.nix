# SPDX-License-Identifier: Apache-2.0
#
# What an image asks of the configuration of a kernel of a known version: kernel-configs/, whose README has the schema, as
# `intaglio kernel-config fragment` selects it, CONFIG_LSM aside, which `lsm=` overrules. A list of
# { symbol, value, choice, severity, overrides_nixpkgs }, where values are text.
{ board, kernelVersion, profile, mode, format, compression }:
let
  inherit (builtins) attrNames compareVersions concatMap elem filter fromTOML genericClosure head listToAttrs map match readDir
    readFile;
  files = filter (name: match ".*\\.toml" name != null) (attrNames (readDir ../kernel-configs));
  groups = listToAttrs (map
    (name: { name = head (match "(.*)\\.toml" name); value = fromTOML (readFile (../kernel-configs + "/${name}")); })
    files);

  facts = {
    inherit (board) arch;
    inherit profile mode compression;
    root = format;
  };
  # What most initrds are, NixOS's among them.
  initrds = [ "gzip" "zstd" ];
  # `6.12.41-rc3` is 6.12.41 here, as for the program.
  version = head (match "([0-9]+\\.[0-9]+(\\.[0-9]+)?).*" kernelVersion);
  holds = condition: builtins.all
    (key:
      if key == "since" then compareVersions version condition.since >= 0
      else if key == "before" then compareVersions version condition.before < 0
      else if key == "with" then true
      else if key == "initrd" then builtins.any (word: elem word initrds) condition.initrd
      else elem facts.${key} condition.${key})
    (attrNames condition);
  applies = name: holds (groups.${name}.when or { });

  keyed = names: map (key: { inherit key; }) (filter applies names);
  chosen = map (found: found.key) (genericClosure {
    startSet = keyed ((board.kernel.requires or [ ])
      ++ (if elem board.boot.kind [ "uki" "bls" ] then [ "efi" ] else [ ])
      ++ filter (name: groups.${name}.applies == "always") (attrNames groups));
    operator = found: keyed (groups.${found.key}.includes or [ ]);
  });
  requirements = concatMap (name: filter (requirement: holds (requirement.when or { })) groups.${name}.require) chosen;
in
map
  (requirement: {
    inherit (requirement) symbol severity;
    value = toString requirement.value;
    choice = requirement.choice or [ ];
    overrides_nixpkgs = requirement.overrides_nixpkgs or false;
  })
  requirements
