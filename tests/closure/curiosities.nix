# SPDX-License-Identifier: Apache-2.0
#
# Store paths with what is rare in a closure, but legal: each once bit somebody's image builder.
{ lib, packages }:
{
  # A program wrapped as nixpkgs' makeWrapper does it.
  less = lib.run "less-wrapped" { } ''
    mkdir -p "$out/bin"
    cp ${packages.less}/bin/less "$out/bin/.less-wrapped"
    printf '%s\n' '#! ${packages.bash}/bin/bash -e' "export LESSHISTFILE='-'" \
      "exec -a \"\$0\" \"$out/bin/.less-wrapped\" \"\$@\"" >"$out/bin/less"
    chmod +x "$out/bin/less"
  '';

  curiosities = lib.run "curiosities-1.0" { } ''
    mkdir -p "$out/bin" "$out/share/curiosities/empty folder"
    cd "$out/share/curiosities"
    : >empty
    echo "a blank, a backslash, a quote" >'a b\c"d'
    echo "a newline" >$'line\nbreak'
    echo "UTF-8" >'Größe-日本語-🜚'
    echo "ISO 8859-1" >$'caf\xe9'
    echo "long" >"$(printf '%0240d' 0)"
    echo "leading dash" >./-rf
    echo "glob" >'[a-z]*?'
    # Identical content in one path, and in another one (see `tidy`): Nix's store optimisation links all three.
    printf 'shared content %s\n' {1..200} | tee twin-a >twin-b
    # Content that is a hole for the most part.
    truncate -s 1M sparse
    ln -s /nix/store/00000000000000000000000000000000-gone/nowhere dangling
    ln -s 'a b\c"d' 'link with blanks'
    mkdir -p deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16
    echo deep >deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/file
    printf '#! ${packages.bash}/bin/bash\necho curious\n' >"$out/bin/curious program"
    chmod +x "$out/bin/curious program"
  '';

  # A store path that is an executable file itself.
  single_program = lib.run "single-program" { } ''
    printf '#! ${packages.bash}/bin/bash\necho single\n' >"$out"
    chmod +x "$out"
  '';

  # What tidy.service runs: a wrapper around a script.
  tidy = lib.run "tidy-1.0" { } ''
    mkdir -p "$out/bin" "$out/share/tidy"
    printf '%s\n' '#! ${packages.bash}/bin/bash' 'set -eu' 'find /var/tmp -mindepth 1 -mtime +10 -delete' >"$out/bin/.tidy-wrapped"
    printf '%s\n' '#! ${packages.bash}/bin/bash -e' "export PATH='${packages.findutils}/bin'" \
      "exec -a \"\$0\" \"$out/bin/.tidy-wrapped\" \"\$@\"" >"$out/bin/tidy"
    chmod +x "$out/bin/tidy" "$out/bin/.tidy-wrapped"
    printf 'shared content %s\n' {1..200} >"$out/share/tidy/twin-c"
  '';
}
