# SPDX-License-Identifier: Apache-2.0
{ lib
, stdenv
, cmake
, ninja
, pkg-config
, cli11
, dtc
, e2fsprogs
, fmt
, gtest
, libarchive
, libselinux
, libsepol
, llvmPackages
, lz4
, mimalloc
, nlohmann_json
, openssl
, pcre2
, re2
, squashfs-tools-ng
, tomlplusplus
, xxHash
, xz
, zlib
, zstd
, doCheck ? stdenv.buildPlatform.canExecute stdenv.hostPlatform
}:

stdenv.mkDerivation {
  pname = "intaglio";
  version = "0.1.0";

  # What the program is built from; a change of nix/ builds nothing again.
  src = builtins.path {
    name = "intaglio-source";
    path = ../.;
    filter = path: _type:
      let
        relative = builtins.substring (builtins.stringLength (toString ../.) + 1) (-1) (toString path);
        top = builtins.head (builtins.match "([^/]*).*" relative);
      in
      builtins.elem top [ "boards" "builder" "imagefmt" "kernel-configs" "policy" "tests" "CMakeLists.txt" "LICENSE" ];
  };

  # The first process of images of the other architecture is freestanding: it needs a compiler, and no wrapper's
  # flags for this one.
  nativeBuildInputs = [ cmake ninja pkg-config llvmPackages.clang-unwrapped llvmPackages.lld ];
  buildInputs = [
    cli11
    dtc
    e2fsprogs
    fmt
    libarchive
    libselinux
    libsepol
    lz4
    mimalloc
    nlohmann_json
    openssl
    pcre2
    re2
    squashfs-tools-ng
    tomlplusplus
    xxHash
    xz
    zlib
    zstd
  ];
  checkInputs = [ gtest ];

  cmakeFlags = [ "-DBUILD_TESTING=${if doCheck then "ON" else "OFF"}" ];

  inherit doCheck;
  # Oracles and policies of Debian are not here; what needs no more than the sources is.
  checkPhase = ''
    runHook preCheck
    ctest --output-on-failure -j "$NIX_BUILD_CORES" -E 'Oracle|Refpolicy'
    runHook postCheck
  '';

  meta = {
    description = "Builds sealed appliance images from NixOS closures, SELinux labels engraved";
    license = lib.licenses.asl20;
    platforms = [ "x86_64-linux" "aarch64-linux" ];
    mainProgram = "intaglio";
  };
}
