# SPDX-License-Identifier: Apache-2.0
#
# What nix/ and the examples take of nixpkgs, made from the sample closure's packages and the host's tools: `<nixpkgs>` of the tests.
# INTAGLIO_PACKAGES names the list that tests/closure/make wrote, INTAGLIO the program. `sample` is the sample closure's
# system for `architecture` (of another one's list it can be evaluated, but not be built), `greet` what one of its packages says,
# `configuration` what else it has otherwise: see tests/closure/system.nix.
{ greet ? "Welcome.", configuration ? { }, architecture ? "amd64", ... }:
let
  system = import ../closure/system.nix {
    package_list = builtins.getEnv "INTAGLIO_PACKAGES";
    inherit architecture greet configuration;
  };
  inherit (system) lib;

  # Debian's package below its own folders, which are nixpkgs' too, under `name`.
  policy = name: lib.run "selinux-policy-${name}"
    {
      modules = builtins.path { path = /usr/share/selinux/default; name = "modules"; };
      contexts = builtins.path { path = /etc/selinux/default/contexts; name = "contexts"; };
      setrans = builtins.path { path = /etc/selinux/default/setrans.conf; name = "setrans.conf"; };
    } ''
    mkdir -p "$out/share/selinux" "$out/etc/selinux/${name}"
    cp -r "$modules" "$out/share/selinux/${name}"
    cp -r "$contexts" "$out/etc/selinux/${name}/contexts"
    cp "$setrans" "$out/etc/selinux/${name}/setrans.conf"
  '';
  efi = name: builtins.path { path = /usr/lib/systemd/boot/efi + "/${name}"; inherit name; };
  # The keys that every Chromebook in developer mode takes.
  key = name: builtins.path { path = /usr/share/vboot/devkeys + "/${name}"; inherit name; };
in
rec {
  runCommand = name: attributes: script: lib.derive name (attributes // {
    args = [ "-euo" "pipefail" "-c" ''
      # With structured attributes, the output's path is in a file.
      if [ -e .attrs.sh ]; then . .attrs.sh; out=''${outputs[out]}; fi
      ${script}
    '' ];
  });
  writeText = lib.write_text;
  writeShellScriptBin = name: text: lib.write_script_bin name name "#! ${system.packages.bash}/bin/bash\n${text}";
  closureInfo = { rootPaths }: import ../closure/closure-info.nix {
    inherit lib;
    toplevel = builtins.head rootPaths;
    contents = "";
  };

  linuxPackages.kernel = { version = sample.kernelVersion; outPath = builtins.dirOf sample.kernel; config = { }; };
  linuxPackages_latest = linuxPackages;

  selinux-refpolicy = policy "refpolicy";

  # Of Debian's packages, what is elsewhere in those of nixpkgs.
  kmod = lib.run "kmod" { } ''
    mkdir -p "$out/bin"
    ln -s ${system.packages.kmod}/sbin/* "$out/bin/"
  '';
  systemd.override = { withSelinux }: lib.run "systemd${if withSelinux then "-with-selinux" else ""}" { inherit (sample) efiStub systemdBoot; } ''
    mkdir -p "$out/lib/systemd/boot/efi"
    cp "$efiStub" "$out/lib/systemd/boot/efi/linuxx64.efi.stub"
    cp "$systemdBoot" "$out/lib/systemd/boot/efi/systemd-bootx64.efi"
  '';

  intaglio = lib.run "intaglio" { program = builtins.path { path = builtins.getEnv "INTAGLIO"; name = "intaglio"; }; } ''
    mkdir -p "$out/bin"
    cp "$program" "$out/bin/intaglio"
  '';

  sample = {
    inherit architecture;
    arch = { amd64 = "x86_64"; arm64 = "aarch64"; }.${architecture};
    inherit (system) toplevel contents packages;
    kernel = "${system.kernel.kernel}/${lib.target.kernel_image}";
    kernelVersion = system.kernel.version;
    inherit (system.kernel) firmware;
    deviceTrees = system.kernel.device_trees;
    initrd = "${system.initrd}/initrd";
    inherit (system) osRelease;
    efiStub = efi "linuxx64.efi.stub";
    systemdBoot = efi "systemd-bootx64.efi";
    keyblock = key "kernel.keyblock";
    signingKey = key "kernel_data_key.vbprivk";
    # What activation would have set, and the toplevel's own.
    kernelParams = [
      "firmware_class.path=${system.kernel.firmware}/lib/firmware"
      "sysctl.kernel.modprobe=${system.configured.modprobe}"
    ] ++ system.configured.kernel_params;
    # As tests/image has it.
    policy = { modules = "${policy "default"}/share/selinux/default"; booleans.systemd_tmpfiles_manage_all = true; };
  };
}
