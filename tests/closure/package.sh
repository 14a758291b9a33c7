# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Builder: unpacks $debs into $out, /usr merged upwards, and ties its programs to the libraries of $out and
# $depends, so that Nix finds references where a package built by Nix would have them.

: "${debs:?}" "${out:?}" "${triplet:?}" "${loader:?}" "${depends?}"

unpack() {
    local deb tree=$PWD/tree top
    mkdir -p "$out"
    for deb in $debs; do
        rm -rf "$tree"
        mkdir "$tree"
        # Nix refuses set-id bits to builders; /var and /run belong to the running system.
        dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tree" --no-same-owner --no-same-permissions --delay-directory-restore \
            --exclude=./var --exclude=./run --exclude='./usr/share/*/man[1-9]' \
            --exclude=./usr/share/{doc,man,info,locale,lintian,bug,bash-completion,zsh,initramfs-tools,doc-base} \
            --exclude=./etc/{init.d,runit,sv,ufw,logrotate.d,kernel}
        for top in "$tree/usr" "$tree"; do
            [ -d "$top" ] || continue
            if [ "$top" = "$tree" ]; then rm -rf "${tree:?}/usr"; fi
            cp -a "$top/." "$out/"
        done
    done
    chmod -R u+w "$out"
    find "$out" -depth -mindepth 1 -type d -empty -delete
}

# Links by absolute name lead into the package where it has the file.
rebase_links() {
    local link target
    while IFS= read -r -d '' link; do
        target=$(readlink "$link")
        target=$out/${target#/usr/}
        target=${target/"$out//"/"$out/"}
        if [ -e "$target" ] || [ -L "$target" ]; then ln -sfn "$target" "$link"; fi
    done < <(find "$out" -type l -lname '/*' -print0)
}

# Units and D-Bus services name their programs by store path, as nixpkgs' do: a domain transition
# then happens on the store's file.
rebase_units() {
    local file name root
    while IFS= read -r -d '' file; do
        while IFS= read -r name; do
            for root in $out $depends; do
                [ -f "$root/${name#/usr}" ] || continue
                sed -i -E "s#(^|[^[:alnum:]/._])$name([^[:alnum:]/._-]|\$)#\1$root${name#/usr}\2#" "$file"
                break
            done
        done < <(grep -oE '/(usr/)?(s?bin|lib|libexec)/[[:alnum:]/._-]+' "$file" | sort -u)
    done < <(find "$out/lib/systemd/system" "$out/lib/systemd/user" "$out/share/dbus-1" \
        -type f -name '*.*' -print0 2>/dev/null)
}

patch_programs() {
    local root rpath="" interpreter="" file magic
    for root in $out $depends; do
        rpath+=:$root/lib:$root/lib/$triplet:$root/lib/systemd:$root/lib/$triplet/systemd
        if [ -e "$root/lib/$triplet/$loader" ]; then interpreter=$root/lib/$triplet/$loader; fi
    done
    while IFS= read -r -d '' file; do
        magic=
        IFS= read -r -n 4 magic <"$file" 2>/dev/null || true
        [ "$magic" = $'\177ELF' ] || continue
        # Static programs have nothing to be tied to.
        patchelf --print-rpath "$file" >/dev/null 2>&1 || continue
        if [ -n "$interpreter" ] && patchelf --print-interpreter "$file" >/dev/null 2>&1; then
            patchelf --set-interpreter "$interpreter" "$file"
        fi
        # Two calls: in one, patchelf 0.14 drops what it has just set.
        patchelf --set-rpath "${rpath#:}" "$file"
        patchelf --shrink-rpath "$file"
    done < <(find "$out" -type f -size +200c ! -name 'ld-linux*' ! -name 'libc.so*' ! -name '*.ko' ! -name '*.o' -print0)
}

unpack
rebase_links
rebase_units
patch_programs
# /bin/sh is bash in NixOS, and comes with it.
if [ -x "$out/bin/bash" ]; then ln -s bash "$out/bin/sh"; fi
