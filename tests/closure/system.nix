# SPDX-License-Identifier: Apache-2.0
#
# The whole system. `package_list` is the file that `make` writes, `architecture` Debian's name of one; `greet` is what the package
# `greeting` says, `configuration` what the system has otherwise than `configured` below.
{ package_list, architecture, greet ? "Welcome.", configuration ? { } }:
let
  lib = import ./lib.nix { inherit architecture; };
  list = builtins.fromJSON (builtins.readFile package_list);
  all_packages = import ./packages.nix { inherit lib list; };
  kernel = import ./kernel.nix { inherit lib list; packages = all_packages; };
  initrd = import ./initrd.nix { inherit lib kernel; packages = all_packages; };
  # What only the kernel and the initrd are made of is no part of the system; the kernel's package alone is 400 MB.
  packages = builtins.removeAttrs all_packages (builtins.filter
    (name: builtins.match "linux-image-.*|busybox-static" name != null) (builtins.attrNames all_packages));

  # What NixOS has as boot.kernelParams, environment.etc and systemd.units: the latter two beside those that are here, or in place of
  # one; and the program that the kernel is told to load modules by. `servers`, those of nginx.conf, are etc.nix' own if they are not given.
  configured = {
    kernel_params = [ "loglevel=4" "lsm=landlock,yama,bpf" ];
    etc = { };
    units = { };
    modprobe = "${packages.kmod}/sbin/modprobe";
  } // configuration;

  oddities = import ./curiosities.nix { inherit lib packages; };
  users = import ./users.nix { inherit lib; };
  units = import ./units.nix { inherit lib packages configured; inherit (oddities) tidy; };
  etc = import ./etc.nix { inherit lib packages units configured; };
  greeting = lib.write_script_bin "greeting" "greeting" "#! ${packages.bash}/bin/bash\necho ${greet}\n";
  system_path = import ./system-path.nix {
    inherit lib packages kernel;
    extra = [ oddities.less oddities.curiosities oddities.tidy ];
  };
  activation = import ./activation.nix { inherit lib packages kernel etc users greeting; inherit (configured) modprobe; };

  toplevel_of = attributes: import ./toplevel.nix ({
    inherit lib packages kernel initrd etc system_path activation;
    name = "intaglio";
    extra = [ oddities.single_program ];
  } // attributes);
  toplevel = toplevel_of {
    inherit (configured) kernel_params;
    specialisations.verbose = toplevel_of {
      kernel_params = [ "loglevel=7" "systemd.log_level=debug" ]
        ++ builtins.filter (param: builtins.match "loglevel=.*" param == null) configured.kernel_params;
    };
  };

  # Debian's programs look below /usr and /lib; NixOS's own need none of that.
  link = target: source: { inherit target source; type = "symlink"; mode = "0777"; user = 0; group = 0; };
  contents = [
    (link "/usr" "${system_path}")
    (link "/bin" "${system_path}/bin")
    (link "/sbin" "${system_path}/sbin")
  ] ++ map (name: link "/${name}" "${system_path}/${name}") lib.target.lib_folders;
in
{
  inherit lib packages kernel initrd toplevel contents configured;
  osRelease = etc.os_release;
}
