# SPDX-License-Identifier: Apache-2.0
#
# The boards, by name, as `intaglio boards NAME` prints them: boards/*.toml with what they extend merged in. What a
# board of an own file says is known to the program alone.
let
  inherit (builtins) attrNames filter fromTOML isAttrs listToAttrs map mapAttrs match readDir readFile removeAttrs;
  stem = file: let parts = match "(.*)\\.toml" file; in if parts == null then null else builtins.head parts;
  read = folder: let
    stems = filter (name: name != null) (map stem (attrNames (readDir folder)));
  in listToAttrs (map (name: { inherit name; value = fromTOML (readFile (folder + "/${name}.toml")); }) stems);

  # Tables are merged, lists and other values replaced.
  merge = base: own: base // mapAttrs
    (key: value: if isAttrs value && base ? ${key} then merge base.${key} value else value) own;
  boards = read ../boards;
  known = read ../boards/families // boards;
  extended = board:
    if board ? extends then
      merge (removeAttrs (extended known.${board.extends}) [ "name" "extends" ]) (removeAttrs board [ "extends" ])
    else board;
in
mapAttrs (_: extended) boards
