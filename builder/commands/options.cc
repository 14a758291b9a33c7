// SPDX-License-Identifier: Apache-2.0
#include "builder/commands/options.h"

#include "builder/commands/private_choice.h"

namespace builder {

using imagefmt::UsageError;

namespace {

const Choices<policy::HandleUnknown> kHandleUnknown = {{"deny", policy::HandleUnknown::kDeny},
                                                       {"reject", policy::HandleUnknown::kReject},
                                                       {"allow", policy::HandleUnknown::kAllow}};

const Choices<policy::SelinuxMode> kModes = {{"enforcing", policy::SelinuxMode::kEnforcing},
                                             {"permissive", policy::SelinuxMode::kPermissive}};
const Choices<KernelProfile> kProfiles = {{"devel", KernelProfile::kDevel},
                                          {"production", KernelProfile::kProduction}};

/// `NAME=on` or `NAME=off`, as semanage and setsebool take them.
void add_boolean(std::map<std::string, bool>& booleans, const std::string& text) {
  const size_t equals = text.find('=');
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  const bool on = value == "on" || value == "true" || value == "1";
  if (equals == 0 || (!on && value != "off" && value != "false" && value != "0")) {
    throw UsageError(fmt::format("--boolean '{}': expected NAME=on or NAME=off", text));
  }
  const std::string name = text.substr(0, equals);
  if (!booleans.emplace(name, on).second) {
    throw UsageError(fmt::format("--boolean '{}': '{}' is set twice", text, name));
  }
}

}  // namespace

void add_policy_options(CLI::App& command, PolicyOptions& options) {
  command.add_option("--policy", options.folder, "folder of policy modules (.pp, .cil), any depth")
      ->required()
      ->option_text("DIR");
  command
      .add_option("--contexts", options.contexts_folder,
                  "folder of application contexts (default: the one beside the modules)")
      ->option_text("DIR");
  command
      .add_option("--policy-name", options.name,
                  "SELINUXTYPE (default: the last component of the policy folder)")
      ->option_text("NAME");
  command
      .add_option("--policy-module", options.modules,
                  "one more module; overrides the folder's of the same name (repeatable)")
      ->option_text("FILE")
      ->allow_extra_args(false);
  command.add_option("--policy-remove", options.removed, "leave this module out (repeatable)")
      ->option_text("NAME")
      ->allow_extra_args(false);
  command
      .add_option_function<std::vector<std::string>>(
          "--boolean",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) add_boolean(options.booleans, text);
          },
          "set a boolean of the policy (repeatable)")
      ->option_text("NAME=on|off")
      ->allow_extra_args(false);
  command.add_flag("--disable-dontaudit", options.disable_dontaudit, "let every denial be logged");
  add_choice(command, "--handle-unknown", options.handle_unknown, kHandleUnknown,
             "what the kernel does with permissions that the policy lacks (default: as the policy "
             "says)")
      ->option_text("deny|reject|allow");
  command
      .add_option("--cache", options.cache,
                  "folder in which compiled policies are kept and found; made if there is none")
      ->option_text("DIR");
  command.add_flag("--allow-lossy", options.allow_lossy,
                   "drop, with a warning, what the policy version cannot hold");
  CLI::Option* kernel = command.add_option_function<std::string>(
      "--kernel-version",
      [&options](const std::string& text) { options.kernel = policy::parse_kernel_version(text); },
      "the kernel that will load the policy");
  kernel->option_text("V");
  command.add_option("--policy-version", options.version, "the policy's version")
      ->option_text("N")
      ->excludes(kernel);
}

void add_compiled_policy_option(CLI::App& command, PolicyOptions& options) {
  CLI::Option* compiled =
      command
          .add_option("--compiled-policy", options.compiled_folder,
                      "what `policy compile` wrote, instead of modules and their options")
          ->option_text("DIR");
  for (const char* name : {"--policy", "--contexts", "--policy-name", "--policy-module",
                           "--policy-remove", "--boolean", "--disable-dontaudit",
                           "--handle-unknown", "--allow-lossy", "--policy-version"}) {
    compiled->excludes(command.get_option(name));
  }
  CLI::Option* modules = command.get_option("--policy")->required(false);
  command.parse_complete_callback([compiled, modules] {
    if (!*compiled && !*modules) throw CLI::RequiredError("--policy or --compiled-policy");
  });
}

void add_system_options(CLI::App& command, SystemOptions& options) {
  command
      .add_option(
          "--closure", options.closure,
          "what nixpkgs' closureInfo makes: store-paths, registration; or a binary cache's "
          "folder (nix copy --to file://DIR), a tar of /nix/store with its registration, an "
          "export (nix-store --export)")
      ->required()
      ->option_text("DIR|FILE");
  command
      .add_option_function<std::vector<std::string>>(
          "--trusted-public-key",
          [&options](const std::vector<std::string>& keys) {
            for (const std::string& key : keys) {
              options.trusted_keys.push_back(parse_trusted_key(key));
            }
          },
          "who may have signed the paths of a binary cache; without it, no signature is asked for "
          "(repeatable)")
      ->option_text("NAME:KEY")
      ->allow_extra_args(false);
  command
      .add_option("--toplevel", options.toplevel,
                  "the system (default: the closure's one); of a binary cache, only what it refers "
                  "to is read")
      ->option_text("STORE_PATH");
  command
      .add_option("--store-root", options.store_root,
                  "where /nix/store of closureInfo's paths lies (default: /)")
      ->option_text("DIR");
  command.add_option("--contents", options.contents, "JSON list of entries to add to the root")
      ->option_text("FILE");
  add_choice(
      command, "--init", options.init,
      Choices<InitKind>{{"sealed", InitKind::kSealed}, {"closure", InitKind::kClosure}},
      "sealed: no activation at boot (default of a read-only root); closure: the system's own "
      "init")
      ->option_text("sealed|closure");
  command
      .add_option("--label-rules", options.label_rules,
                  "rules that label packages of the store, or say where they are seen")
      ->option_text("FILE");
  command.add_option("--jobs", options.jobs, "how many cores to use (default: all)")
      ->option_text("N");
  add_policy_options(command, options.policy);
}

void add_mode_option(CLI::App& command, policy::SelinuxMode& mode) {
  add_choice(command, "--mode", mode, kModes, "enforcing (default) or permissive")
      ->option_text("MODE");
}

void add_profile_option(CLI::App& command, KernelProfile& profile) {
  add_choice(command, "--profile", profile, kProfiles,
             "what the kernel is judged by: devel (default) or production")
      ->option_text("PROFILE");
}

void add_boot_options(CLI::App& command, BootOptions& options) {
  command
      .add_option_function<std::string>(
          "--boot", [&options](const std::string& word) { options.kind = parse_boot_kind(word); },
          "how it boots, for a board that boots in several ways (default: its first)")
      ->option_text("KIND");
  command
      .add_option("--keyblock", options.keyblock, "vboot's .keyblock, for boot kind depthcharge")
      ->option_text("FILE");
  command
      .add_option("--signing-key", options.signing_key, "the .vbprivk that signs for --keyblock")
      ->option_text("FILE");
  command
      .add_option("--efi-stub", options.efi_stub,
                  "systemd's linux*.efi.stub, for boot kind uki (default: the closure's)")
      ->option_text("FILE");
  command
      .add_option("--systemd-boot", options.systemd_boot,
                  "systemd-boot*.efi, for boot kind bls (default: the closure's)")
      ->option_text("FILE");
}

void add_output_options(CLI::App& command, OutputTarget& target) {
  command.add_option("OUT", target.folder, "the output folder of a build")->required();
  command.add_option("--board", target.board, "a board's name, or a .toml file (default: OUT's)")
      ->option_text("NAME");
  command.add_option("--device-trees", target.device_trees, "the folder of the kernel's dtbs")
      ->option_text("DIR");
  add_boot_options(command, target.boot);
}

void add_disk_options(CLI::App& command, BootOptions& options) {
  command
      .add_option("--firmware", options.firmware,
                  "what the board's disk holds at the place for it, such as U-Boot")
      ->option_text("FILE");
  command
      .add_option("--disk-size", options.disk_bytes,
                  "of the whole disk (default: what its partitions need)")
      ->option_text("BYTES");
}

void add_image_options(CLI::App& command, ImageOptions& image) {
  command
      .add_option_function<std::string>(
          "--compression",
          [&image](const std::string& name) {
            image.compression = imagefmt::parse_compression(name);
          },
          "zstd (squashfs's default), lz4 (erofs's), xz, gzip or none")
      ->option_text("C");
  command.add_option("--level", image.level, "the compressor's level")->option_text("N");
  command
      .add_option_function<std::vector<std::string>>(
          "--uncompressed",
          [&image](const std::vector<std::string>& patterns) {
            try {
              for (const std::string& pattern : patterns) image.uncompressed.emplace_back(pattern);
            } catch (const imagefmt::Error& error) {
              throw imagefmt::UsageError(error.what());
            }
          },
          "store files that match as they are, such as what is compressed already")
      ->allow_extra_args(false)
      ->option_text("PATTERN ...");
  command
      .add_option("--free-space", image.free_space_bytes,
                  "bytes to leave free for writing once the image is in use (default 0: read-only)")
      ->option_text("BYTES");
  command.add_flag("--journal", image.journal,
                   "give an ext4 image with free space a journal, for a kill in the middle of a "
                   "write");
  command.add_flag("--share-data", image.share_data,
                   "store equal files once, in an ext4 image that nobody can write to");
  command
      .add_option("--reference", image.reference,
                  "an earlier output with its index: what did not change is copied from it")
      ->option_text("OLD_OUTPUT");
}

}  // namespace builder
