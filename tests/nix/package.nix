# SPDX-License-Identifier: Apache-2.0
#
# nix/package.nix, called with Debian's libraries below their names in nixpkgs. Each input is a tree of its own, and CMake
# and pkg-config look nowhere else: a library that package.nix does not name is not found.
{ doCheck ? false }:
let
  lib = import ../closure/lib.nix { architecture = "amd64"; };

  # Debian's packages of an input of nixpkgs, and the programs that it brings.
  debian = {
    cmake = { programs = [ "cmake" "ctest" ]; };
    ninja = { programs = [ "ninja" ]; };
    pkg-config = { programs = [ "pkg-config" ]; };
    clang = { programs = [ "clang" ]; };
    lld = { programs = [ "ld.lld" ]; };
    cli11 = { packages = [ "libcli11-dev" ]; };
    dtc = { packages = [ "libfdt-dev" ]; };
    e2fsprogs = { packages = [ "libext2fs-dev" "comerr-dev" ]; };
    fmt = { packages = [ "libfmt-dev" "libfmt9" ]; };
    gtest = { packages = [ "libgtest-dev" "libgmock-dev" ]; };
    libarchive = { packages = [ "libarchive-dev" ]; };
    libselinux = { packages = [ "libselinux1-dev" ]; };
    libsepol = { packages = [ "libsepol-dev" ]; };
    lz4 = { packages = [ "liblz4-dev" ]; };
    mimalloc = { packages = [ "libmimalloc-dev" "libmimalloc2.0" ]; };
    nlohmann_json = { packages = [ "nlohmann-json3-dev" ]; };
    openssl = { packages = [ "libssl-dev" ]; };
    pcre2 = { packages = [ "libpcre2-dev" ]; };
    re2 = { packages = [ "libre2-dev" ]; };
    squashfs-tools-ng = { packages = [ "libsquashfs-dev" ]; };
    tomlplusplus = { packages = [ "libtomlplusplus-dev" ]; };
    xxHash = { packages = [ "libxxhash-dev" ]; };
    xz = { packages = [ "liblzma-dev" ]; };
    zlib = { packages = [ "zlib1g-dev" ]; };
    zstd = { packages = [ "libzstd-dev" ]; };
  };
  input = name: { packages ? [ ], programs ? [ ] }: lib.run name { inherit packages programs; } ''
    mkdir -p "$out/bin"
    for program in $programs; do ln -s "$(command -v "$program")" "$out/bin/$program"; done
    for package in $packages; do
      list=/var/lib/dpkg/info/$package
      for file in $(cat "$list.list" "$list:amd64.list" 2>/dev/null); do
        place=$out/''${file#/usr/}
        if [ -d "$file" ]; then mkdir -p "$place"; elif [ "$file" != "''${file#/usr/}" ]; then ln -s "$file" "$place"; fi
      done
    done
    # Where nixpkgs has them.
    if [ -d "$out/lib/x86_64-linux-gnu" ]; then cp -rsn "$out"/lib/x86_64-linux-gnu/. "$out/lib/"; fi
  '';
  inputs = builtins.mapAttrs input debian;

  stdenv = {
    buildPlatform.canExecute = _: true;
    hostPlatform = { };
    mkDerivation = arguments: lib.run "${arguments.pname}-${arguments.version}"
      {
        inherit (arguments) src cmakeFlags checkPhase;
        inputs = arguments.nativeBuildInputs ++ arguments.buildInputs ++ (if arguments.doCheck then arguments.checkInputs else [ ]);
        doCheck = if arguments.doCheck then "1" else "";
      } ''
      runHook() { :; }
      cmake_path=; pkg_config_path=
      for input in $inputs; do
        cmake_path+="$input;" pkg_config_path+=$input/lib/pkgconfig:$input/share/pkgconfig:
      done
      export CC=/usr/bin/gcc CXX=/usr/bin/g++ PKG_CONFIG_LIBDIR=$pkg_config_path
      cmake -G Ninja -S "$src" -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$out" \
        -DCMAKE_PREFIX_PATH="$cmake_path" -DCMAKE_FIND_USE_CMAKE_SYSTEM_PATH=OFF -DCMAKE_FIND_USE_SYSTEM_ENVIRONMENT_PATH=OFF \
        -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF $cmakeFlags
      cd build
      ninja -j "$NIX_BUILD_CORES"
      if [ -n "$doCheck" ]; then eval "$checkPhase"; fi
      ninja install
    '';
  };
  arguments = inputs // {
    lib.licenses.asl20 = "Apache-2.0";
    inherit stdenv doCheck;
    llvmPackages = { clang-unwrapped = inputs.clang; inherit (inputs) lld; };
  };
  package = import ../../nix/package.nix;
in
package (builtins.intersectAttrs (builtins.functionArgs package) arguments)
