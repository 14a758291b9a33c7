# SPDX-License-Identifier: Apache-2.0
#
# The boards of which nix/boards.nix and the program, whose words lie in `folder`, say different things. What does not apply to a
# board, but stands in its family's file, the program leaves out.
{ folder }:
let
  boards = import ../../nix/boards.nix;
  agrees = own: programs: builtins.all
    (key: !(programs ? ${key}) || (
      if builtins.isAttrs own.${key} then agrees own.${key} programs.${key} else own.${key} == programs.${key}))
    (builtins.attrNames own);
  of_program = name: builtins.fromTOML (builtins.readFile "${folder}/${name}.toml");
in
builtins.filter (name: !agrees boards.${name} (of_program name)) (builtins.attrNames boards)
