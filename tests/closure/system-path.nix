# SPDX-License-Identifier: Apache-2.0
#
# The toplevel's `sw`: a link farm of all packages, as buildEnv makes it. What systemd, udev and tmpfiles read stays out: a NixOS
# system has that in /etc, and the root's /usr leads here.
{ lib, packages, kernel, extra }:
lib.run "system-path"
  {
    inherit (kernel) modules;
    paths = extra ++ builtins.attrValues packages;
    hidden = lib.words [
      "boot etc lib/modules lib/systemd/system lib/tmpfiles.d lib/sysusers.d lib/sysctl.d lib/modules-load.d lib/modprobe.d"
      "lib/udev/rules.d lib/udev/hwdb.d lib/pcrlock.d share/bug share/initramfs-tools"
    ];
  } ''
  mkdir -p "$out"
  shopt -s nullglob
  for path in $paths; do
    entries=("$path"/*)
    # gcc-12-base is an empty folder here.
    [ ''${#entries[@]} -gt 0 ] || continue
    # The first path that has a name wins.
    cp -rs --no-clobber "''${entries[@]}" "$out/"
    chmod -R u+w "$out"
  done
  for name in $hidden; do rm -rf "''${out:?}/$name"; done
  # A folder that one package has to itself is one link.
  for name in share/zoneinfo lib/terminfo lib/locale; do
    leaf=$(find "$out/$name" -type l -print -quit)
    source=$(readlink "$leaf")
    rm -rf "''${out:?}/$name"
    ln -s "''${source%"''${leaf#"$out/$name"}"}" "$out/$name"
  done
  ln -s "$modules/lib/modules" "$out/lib/modules"
''
