# SPDX-License-Identifier: Apache-2.0
#
# What arguments may be: `check function arguments kinds` is `arguments`, or throws
# `intaglio.<function>: <argument>: expected <kind>, found <value>` for the first that is something else.
let
  inherit (builtins) all attrNames attrValues concatStringsSep elem filter foldl' isAttrs isBool isInt isList isPath isString map match
    toJSON typeOf;

  or_list = words: let
    quoted = map (word: "'${word}'") words;
    count = builtins.length quoted;
  in
    if count == 1 then builtins.head quoted
    else concatStringsSep ", " (builtins.genList (builtins.elemAt quoted) (count - 1))
      + " or " + builtins.elemAt quoted (count - 1);

  show = value:
    if isString value then "'${value}'"
    else if isInt value || isBool value then toJSON value
    else if value == null then "null"
    else "a ${typeOf value}";

  is_file = value: isPath value || isString value && match "/.*" value != null || isAttrs value && value ? outPath;
in
rec {
  inherit or_list show;

  kind = expected: holds: { inherit expected holds; };
  one_of = words: kind (or_list words) (value: isString value && elem value words);
  text = kind "a string without line breaks" (value: isString value && match "[^\n]*" value != null);
  name = kind "a name of letters, digits, '.', '-' and '_'" (value: isString value && match "[A-Za-z0-9_][A-Za-z0-9._-]*" value != null);
  flag = kind "true or false" isBool;
  natural = kind "a number that is not negative" (value: isInt value && value >= 0);
  number_between = least: most: kind "a number between ${toString least} and ${toString most}"
    (value: isInt value && value >= least && value <= most);
  file = kind "a path or a derivation" is_file;
  kernel_version = kind "a kernel's version, such as '6.12' or '6.12.41'"
    (value: isString value && match "[0-9]+\\.[0-9]+([^0-9].*)?" value != null);
  list_of = element: kind "a list, each ${element.expected}" (value: isList value && all element.holds value);
  attrs_of = element: kind "an attribute set, each value ${element.expected}"
    (value: isAttrs value && all element.holds (attrValues value));
  nullable = element: kind "${element.expected}, or null" (value: value == null || element.holds value);

  check = function: arguments: kinds: foldl'
    (checked: argument:
      let value = arguments.${argument}; in
      if kinds.${argument}.holds value then checked
      else throw "intaglio.${function}: ${argument}: expected ${kinds.${argument}.expected}, found ${show value}")
    arguments
    (filter (argument: arguments ? ${argument}) (attrNames kinds));

  # `require function argument reason condition value`
  require = function: argument: reason: condition: value:
    if condition then value else throw "intaglio.${function}: ${argument}: ${reason}";
}
