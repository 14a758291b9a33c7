# SPDX-License-Identifier: Apache-2.0
#
# Device images as derivations. Each has only the inputs that its bytes depend on, so that Nix builds it again
# only when they change:
#
#   compilePolicy   modules, kernel version
#   buildRoot       closure, policy, format           no board
#   buildBoot       kernel, initrd, parameters, board     no closure, no policy
#   buildDisk       a root and a boot, for a board that boots from a disk
#   buildRelease    all of them: links, and the manifest of all
#
# So boards of one architecture share a root and a policy. Of `pkgs`, `runCommand`, `writeText` and `closureInfo` are used; `intaglio` is
# the program's package. Arguments are checked when they are evaluated.
{ pkgs, intaglio }:
let
  inherit (builtins) attrNames concatMap concatStringsSep elem filter head isAttrs isList isString map match removeAttrs replaceStrings toJSON;
  kinds = import ./kinds.nix;
  inherit (kinds) check require;

  boards = import ./boards.nix;

  quote = text: "'" + replaceStrings [ "'" ] [ "'\\''" ] "${text}" + "'";
  words = arguments: concatStringsSep " " (map quote arguments);
  option = name: value: if value == null then [ ] else [ name (if isString value then value else "${toString value}") ];
  file_option = name: value: if value == null then [ ] else [ name "${value}" ];
  flag = name: value: if value then [ name ] else [ ];
  each = name: values: concatMap (value: [ name "${value}" ]) values;

  # The program, as on a command line: the times are those that it has without an environment, whatever
  # stdenv sets. What an image holds of store paths' names needs none of them.
  run = name: attributes: script: pkgs.runCommand name attributes ''
    export SOURCE_DATE_EPOCH=1
    ${script}
  '';
  run_alone = name: run name {
    __structuredAttrs = true;
    unsafeDiscardReferences.out = true;
  };
  program = "${intaglio}/bin/intaglio";

  # What of a kernel's version a policy depends on: two numbers, of Linux 2.6 a third.
  minor_version = version: head (match "(2\\.6\\.[0-9]+|[0-9]+\\.[0-9]+).*" version);

  board_kind = kinds.kind "the name of a board or a .toml file"
    (value: kinds.file.holds value || isString value && match "[a-z0-9_-]+" value != null);
  # A name, or a file of an own board.
  find_board = function: board:
    if kinds.file.holds board then { argument = "${board}"; name = "own"; known = null; }
    else if boards ? ${board} then { argument = board; name = board; known = boards.${board}; }
    else throw "intaglio.${function}: board: unknown board '${board}', expected ${kinds.or_list (attrNames boards)}";

  # What `boot` is told of the system, by how it boots: all that makes a file system names it, or derives ids of it.
  needs_of = kind: {
    toplevel = elem kind [ "uki" "bls" "extlinux" "boot-script" ];
    osRelease = elem kind [ "uki" "bls" ];
    efiStub = kind == "uki";
    systemdBoot = kind == "bls";
    keyblock = kind == "depthcharge";
    signingKey = kind == "depthcharge";
  };
  # A board's first kind unless `bootKind` names another; null: an own board's, which the program knows.
  boot_kind = function: found: bootKind: let
    ways = [ found.known.boot.kind ] ++ found.known.boot.also or [ ];
  in
    if found.known == null then bootKind
    else if bootKind == null then found.known.boot.kind
    else require function "bootKind" "board '${found.name}' boots by ${kinds.or_list ways}, not by '${bootKind}'" (elem bootKind ways) bootKind;

  boot_kind_kind = kinds.one_of [ "direct" "android" "extlinux" "boot-script" "depthcharge" "uki" "bls" ];
  mode_kind = kinds.one_of [ "enforcing" "permissive" ];
  profile_kind = kinds.one_of [ "devel" "production" ];
  formats = [ "squashfs" "ext4" "erofs" ];
  format_kind = kinds.one_of formats;
  compression_kind = kinds.nullable (kinds.one_of [ "zstd" "xz" "gzip" "lz4" "none" ]);

  policy_kinds = {
    modules = kinds.file;
    name = kinds.nullable kinds.name;
    contexts = kinds.nullable kinds.file;
    extraModules = kinds.list_of kinds.file;
    removeModules = kinds.list_of kinds.name;
    booleans = kinds.attrs_of kinds.flag;
    kernelVersion = kinds.nullable kinds.kernel_version;
    policyVersion = kinds.nullable (kinds.number_between 15 99);
    handleUnknown = kinds.nullable (kinds.one_of [ "deny" "reject" "allow" ]);
    disableDontaudit = kinds.flag;
    allowLossy = kinds.flag;
  };
  policy_options = { modules, name ? null, contexts ? null, extraModules ? [ ], removeModules ? [ ], booleans ? { }
    , kernelVersion ? null, policyVersion ? null, handleUnknown ? null, disableDontaudit ? false, allowLossy ? false }:
    [ "--policy" "${modules}" ]
    ++ option "--policy-name" name
    ++ file_option "--contexts" contexts
    ++ each "--policy-module" extraModules
    ++ each "--policy-remove" removeModules
    ++ each "--boolean" (map (name: "${name}=${if booleans.${name} then "on" else "off"}") (attrNames booleans))
    ++ option "--kernel-version" (if kernelVersion == null then null else minor_version kernelVersion)
    ++ option "--policy-version" policyVersion
    ++ option "--handle-unknown" handleUnknown
    ++ flag "--disable-dontaudit" disableDontaudit
    ++ flag "--allow-lossy" allowLossy;

  # Entries to add to the root: a list as --contents has it, or a file of it.
  contents_option = contents:
    if contents == null || contents == [ ] then [ ]
    else [ "--contents" (if isList contents then "${pkgs.writeText "contents.json" (toJSON contents)}" else "${contents}") ];
  contents_kind = kinds.nullable (kinds.kind "a list of attribute sets, a path or a derivation"
    (value: kinds.file.holds value || isList value && builtins.all isAttrs value));

  closure_of = function: { toplevel, closure }:
    if closure != null then closure
    else if toplevel != null then pkgs.closureInfo { rootPaths = [ toplevel ]; }
    else throw "intaglio.${function}: toplevel: a system's toplevel, or closure, is needed";
in
rec {
  inherit boards;

  # The newest policy version that a kernel reads.
  policyVersionOf = kernelVersion: let
    checked = check "policyVersionOf" { inherit kernelVersion; } { kernelVersion = kinds.kernel_version; };
    reached = filter (step: builtins.compareVersions (minor_version checked.kernelVersion) step.kernel >= 0) (import ./policy-versions.nix);
  in
    if reached == [ ] then throw "intaglio.policyVersionOf: kernelVersion: '${kernelVersion}' is older than any kernel with SELinux"
    else (builtins.elemAt reached (builtins.length reached - 1)).version;

  # The modules of a folder, compiled: what `policy compile` writes.
  compilePolicy = arguments: let
    checked = check "compilePolicy" arguments policy_kinds;
    kernel = arguments.kernelVersion or null;
    version = arguments.policyVersion or null;
    options = policy_options checked;
    named = require "compilePolicy" "kernelVersion" "a kernel's version, or policyVersion, is needed" (kernel != null || version != null)
      (require "compilePolicy" "policyVersion" "contradicts kernelVersion: give one of them" (kernel == null || version == null)
        options);
  in run_alone "intaglio-policy" ''
    ${program} policy compile ${words named} --quiet --output "$out"
  '';

  # How a policy labels a system, and the domain of each unit: `labels --json`.
  labelClosure = { toplevel ? null, closure ? null, contents ? null, labelRules ? null, ... }@arguments: let
    checked = check "labelClosure" arguments ({
      toplevel = kinds.nullable kinds.file;
      closure = kinds.nullable kinds.file;
      contents = contents_kind;
      labelRules = kinds.nullable kinds.file;
    } // policy_kinds);
  in builtins.seq checked (run_alone "intaglio-labels.json" ''
    ${program} labels --json --quiet --closure ${closure_of "labelClosure" { inherit toplevel closure; }} ${words (
      option "--toplevel" (if toplevel == null then null else "${toplevel}")
      ++ contents_option contents
      ++ file_option "--label-rules" labelRules
      ++ policy_options (removeAttrs arguments [ "toplevel" "closure" "contents" "labelRules" ]))} >"$out"
  '');

  # The labelled root image and what proves it, for every board of the closure's architecture. `reference` is
  # an earlier root: of store paths that have not changed, its bytes are copied.
  buildRoot = { toplevel ? null, closure ? null, policy, format ? "squashfs", compression ? null, level ? null, freeSpace ? 0
    , contents ? null, labelRules ? null, mode ? "enforcing", init ? null, reference ? null }@arguments: let
    checked = check "buildRoot" arguments {
      toplevel = kinds.nullable kinds.file;
      closure = kinds.nullable kinds.file;
      policy = kinds.file;
      format = format_kind;
      compression = compression_kind;
      level = kinds.nullable kinds.natural;
      freeSpace = kinds.natural;
      contents = contents_kind;
      labelRules = kinds.nullable kinds.file;
      mode = mode_kind;
      init = kinds.nullable (kinds.one_of [ "sealed" "closure" ]);
      reference = kinds.nullable kinds.file;
    };
    possible = require "buildRoot" "freeSpace" "a root of ${format} is read-only: choose format 'ext4'" (freeSpace == 0 || format == "ext4")
      (require "buildRoot" "init" "'closure' activates the system at boot, which takes a root that can be written to: choose format 'ext4' and freeSpace"
        (init != "closure" || freeSpace > 0)
        checked);
  in builtins.seq possible (run_alone "intaglio-root" ''
    ${program} build --closure ${closure_of "buildRoot" { inherit toplevel closure; }} ${words (
      option "--toplevel" (if toplevel == null then null else "${toplevel}")
      ++ [ "--compiled-policy" "${policy}" "--format" format "--mode" mode ]
      ++ option "--compression" compression
      ++ option "--level" level
      ++ option "--free-space" (if freeSpace == 0 then null else freeSpace)
      ++ contents_option contents
      ++ file_option "--label-rules" labelRules
      ++ option "--init" init
      ++ file_option "--reference" reference)} --jobs "''${NIX_BUILD_CORES:-0}" --quiet --output "$out"
  '');

  # What a board boots from. `format`, `compression` and `writable` say of the root what buildRoot() was told.
  # `kernelParams` are the system's own, `console` comes after the board's. Where a board needs them: of `toplevel` its name alone,
  # and the files `osRelease` (os-release(5)), `efiStub` and `systemdBoot` (systemd's programs for UEFI), `keyblock` and `signingKey`
  # (a Chromebook's).
  buildBoot = { board, kernel, initrd, kernelParams ? [ ], console ? null, deviceTrees ? null, kernelConfig ? null, format ? null
    , compression ? null, writable ? false, init ? null, mode ? "enforcing", profile ? "devel", bootKind ? null, toplevel ? null
    , osRelease ? null, efiStub ? null, systemdBoot ? null, keyblock ? null, signingKey ? null }@arguments: let
    checked = check "buildBoot" arguments {
      board = board_kind;
      kernel = kinds.file;
      initrd = kinds.file;
      kernelParams = kinds.list_of kinds.text;
      console = kinds.nullable (kinds.kind "a console, such as 'ttyS0,115200'" (value: isString value && match "[A-Za-z0-9]+(,[A-Za-z0-9]+)?" value != null));
      deviceTrees = kinds.nullable kinds.file;
      kernelConfig = kinds.nullable kinds.file;
      format = kinds.nullable format_kind;
      compression = compression_kind;
      writable = kinds.flag;
      init = kinds.nullable kinds.file;
      mode = mode_kind;
      profile = profile_kind;
      bootKind = kinds.nullable boot_kind_kind;
      toplevel = kinds.nullable kinds.file;
      osRelease = kinds.nullable kinds.file;
      efiStub = kinds.nullable kinds.file;
      systemdBoot = kinds.nullable kinds.file;
      keyblock = kinds.nullable kinds.file;
      signingKey = kinds.nullable kinds.file;
    };
    found = find_board "buildBoot" checked.board;
    kind = boot_kind "buildBoot" found bootKind;
    is_needed = needs_of kind;
    given = { inherit toplevel osRelease efiStub systemdBoot keyblock signingKey; };
    missing = filter (name: is_needed.${name} && given.${name} == null) [ "toplevel" "osRelease" "efiStub" "systemdBoot" "keyblock" ];
    # Of an own board nothing is known, so it has all that is given.
    of = name: if found.known == null || is_needed.${name} then given.${name} else null;
    trees = found.known.boot.device_tree or "none";
    needs_trees = elem trees [ "appended" "header" "header-and-appended" "vendor-boot" "file" "folder" "fit" "uki" ];
    possible = require "buildBoot" "deviceTrees" "board '${found.name}' boots with a device tree of the kernel's"
      (deviceTrees != null || !needs_trees)
      (require "buildBoot" (head (missing ++ [ "" ])) "board '${found.name}' boots by '${kind}', which needs it" (missing == [ ])
        (require "buildBoot" "signingKey" "keyblock and signingKey are one key: give both or none" ((keyblock == null) == (signingKey == null))
          (require "buildBoot" "writable" "a root of ${toString format} is read-only" (!writable || !elem format [ "squashfs" "erofs" ])
            found)));
    params = kernelParams ++ (if console == null then [ ] else [ "console=${console}" ]);
  in run_alone "intaglio-boot-${possible.name}" ''
    ${program} boot --kernel ${quote kernel} --initrd ${quote initrd} ${words (
      [ "--board" found.argument "--mode" mode "--profile" profile ]
      ++ option "--kernel-params" (if params == [ ] then null else concatStringsSep " " params)
      ++ file_option "--device-trees" deviceTrees
      ++ file_option "--kernel-config" kernelConfig
      ++ option "--format" format
      ++ option "--compression" compression
      ++ flag "--writable" writable
      ++ file_option "--init" init
      ++ option "--boot" bootKind
      ++ option "--toplevel" (if of "toplevel" == null then null else builtins.unsafeDiscardStringContext "${toplevel}")
      ++ file_option "--os-release" (of "osRelease")
      ++ file_option "--efi-stub" (of "efiStub")
      ++ file_option "--systemd-boot" (of "systemdBoot")
      ++ file_option "--keyblock" (of "keyblock")
      ++ file_option "--signing-key" (of "signingKey"))} --output "$out"
  '';

  # Whether a build for the board makes a disk: whether it is written, or run, from one.
  hasDisk = { board, bootKind ? null }@arguments: let
    checked = check "hasDisk" arguments { board = kinds.one_of (attrNames boards); bootKind = kinds.nullable boot_kind_kind; };
    found = find_board "hasDisk" checked.board;
  in
    builtins.any (method: elem method [ "disk" "hypervisor" ]) found.known.flash.methods
    && elem (boot_kind "hasDisk" found bootKind) [ "uki" "bls" "extlinux" "boot-script" "depthcharge" ];

  # The disk of a root and a boot. `firmware` is what it holds at the board's place for it, such as U-Boot; `size` is the whole disk's, in
  # bytes. An own board's .toml file is `board`, as it was buildBoot's.
  buildDisk = { root, boot, board ? null, firmware ? null, size ? null }@arguments: let
    checked = check "buildDisk" arguments {
      root = kinds.file;
      boot = kinds.file;
      board = kinds.nullable board_kind;
      firmware = kinds.nullable kinds.file;
      size = kinds.nullable kinds.natural;
    };
  in run_alone "intaglio-disk" ''
    ${program} join ${words [ "${checked.root}" "${checked.boot}" ]} --output parts
    ${program} disk parts ${words (file_option "--board" board ++ file_option "--firmware" firmware ++ option "--disk-size" size)} --output "$out"
  '';

  # All, as one output folder: what one `intaglio build` would write.
  buildRelease = { root, boot, disk ? null }@arguments: let
    checked = check "buildRelease" arguments { root = kinds.file; boot = kinds.file; disk = kinds.nullable kinds.file; };
    parts = [ "${checked.root}" "${checked.boot}" ] ++ (if disk == null then [ ] else [ "${disk}" ]);
  in run "intaglio-release" { } ''
    ${program} join ${words parts} --output "$out"
  '';

  # What an image asks of its kernel: a file for Kconfig, for nixpkgs' structuredExtraConfig, or JSON.
  kernelFragment = { board, format ? "nix", profile ? "devel", kernelVersion ? null }@arguments: let
    checked = check "kernelFragment" arguments {
      board = board_kind;
      format = kinds.one_of [ "kconfig" "nix" "json" ];
      profile = profile_kind;
      kernelVersion = kinds.nullable kinds.kernel_version;
    };
    found = find_board "kernelFragment" checked.board;
  in run "intaglio-kernel-${found.name}" { } ''
    ${program} kernel-config fragment ${words ([ "--board" found.argument "--format" format "--profile" profile ]
      ++ option "--kernel-version" kernelVersion)} >"$out"
  '';
}
