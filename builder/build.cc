// SPDX-License-Identifier: Apache-2.0
//
// The list of passes. It makes one value, the labelled tree, and then writes it.
#include "builder/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "builder/board.h"
#include "builder/boot_part.h"
#include "builder/disk.h"
#include "builder/etc.h"
#include "builder/kernel_preflight.h"
#include "builder/links.h"
#include "builder/manifest.h"
#include "builder/mount_contexts.h"
#include "builder/plan.h"
#include "builder/store_name.h"
#include "builder/store_scan.h"
#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"
#include "policy/exact_contexts.h"
#include "policy/policydb.h"
#include "policy/prove.h"

namespace builder {

using imagefmt::Error;
using imagefmt::FileTree;
using imagefmt::Stage;

namespace {

void check_same_architecture(const Board& board, const Bootspec& spec) {
  if (spec.system.empty() || is_arch_of(board.arch, spec.system)) return;
  throw Error(fmt::format(
      "cannot build '{}' for board '{}': the closure is of system '{}', the board is {}",
      spec.toplevel, board.name, spec.system, to_text(board.arch)));
}

/// Without a board: what the closure says it is for.
Arch arch_of(const Bootspec& spec) {
  return is_arch_of(Arch::kAarch64, spec.system) ? Arch::kAarch64 : Arch::kX86_64;
}

/// An output has an initrd for the board's loader: drivers of the root are modules on NixOS.
void require_initrd(const Bootspec& spec) {
  if (spec.initrd) return;
  throw Error(fmt::format("cannot build '{}': the closure has no initrd", spec.toplevel));
}

Closure read_system_closure(const SystemOptions& options, imagefmt::Reporter& reporter) {
  Stage stage(reporter, "reading the store", 0, "store paths");
  Closure closure = read_closure(options.closure, {.store_root = options.store_root,
                                                   .toplevel = options.toplevel,
                                                   .trusted_keys = options.trusted_keys,
                                                   .spool_folder = options.spool_folder,
                                                   .jobs = options.jobs});
  stage.advance(closure.paths.size());
  return closure;
}

std::vector<ContentsEntry> read_contents(const std::string& file) {
  if (file.empty()) return {};
  return parse_contents(imagefmt::read_file(file, 16 << 20), file);
}

/// Where relative sources of a file of contents lie. Absolute, since a source is looked for in the
/// image's tree too.
std::string folder_of(const std::string& file) {
  std::error_code ignored;  // of a working folder that is gone
  return std::filesystem::absolute(file, ignored).parent_path();
}

policy::ImageAccounts read_accounts(const FileTree& tree) {
  auto text = [&](std::string_view path) {
    std::optional<Found> found = find_following(tree, path);
    return found && found->node->regular() ? read_text_at(tree, path) : std::string();
  };
  const std::string passwd = text("/etc/passwd"), group = text("/etc/group"),
                    shells = text("/etc/shells"), login_defs = text("/etc/login.defs"),
                    useradd = text("/etc/default/useradd");
  return policy::parse_accounts({passwd, group, shells, login_defs, useradd});
}

/// The rules that libselinux will find in the image: what lies in its /etc/selinux.
policy::FileContexts read_contexts_of(const FileTree& selinux, const std::string& policy_name) {
  policy::FileContextsText text;
  const std::string file = '/' + policy_name + "/contexts/files/file_contexts";
  auto add = [&](const char* suffix, std::vector<policy::NamedText>& texts) {
    const imagefmt::Node* node = selinux.find(file + suffix);
    if (node && node->regular()) {
      texts.push_back({"/etc/selinux" + file + suffix, node->regular()->content.read_all()});
    }
  };
  add("", text.rules);
  add(".homedirs", text.rules);
  add(".subs", text.substitutions);
  add(".subs_dist", text.substitutions);
  return policy::FileContexts::parse(text);
}

/// How many inodes have their label from each rule, by its text.
std::map<std::string, uint64_t> name_rules(const policy::LabelReport& labels,
                                           const policy::LabelInput& rules) {
  std::map<std::string, uint64_t> named;
  for (const auto& [index, count] : labels.by_rule) {
    const policy::ContextRule& rule = rules.contexts.rules()[index];
    const std::string_view type = policy::type_field(rule.type);
    named[fmt::format("{}{}{}", rule.pattern, type.empty() ? "" : " ", type)] += count;
  }
  for (const auto& [index, count] : labels.by_label_rule) {
    const policy::LabelRule& rule = rules.label_rules.rules()[index];
    if (rule.labels()) named[rule.text] += count;
  }
  return named;
}

/// Reads the image back from its bytes and throws everything that is wrong with its labels.
void prove_labels(const std::string& image, std::string exact_contexts,
                  const policy::PolicyDb& policydb, const std::string& filesystem,
                  imagefmt::Reporter& reporter) {
  Stage stage(reporter, "proving labels", 0, "inodes");
  std::optional<policy::ExactContexts> rules =
      policy::ExactContexts::parse(std::move(exact_contexts), "file_contexts");
  if (!rules) throw Error("cannot prove the image: its file_contexts is no list of exact rules");
  policy::ProofReport report =
      policy::prove(read_image(image), std::move(*rules), policydb, filesystem);
  stage.advance(report.inodes);
  imagefmt::Faults faults;
  for (std::string& fault : report.faults) faults.add(std::move(fault));
  faults.throw_if_any();
}

/// The content of the store, without reading it.
std::string identity_of(const Closure& closure) {
  std::string identity;
  for (const StorePathInfo& info : closure.paths)
    identity += info.path + ' ' + info.nar_hash + '\n';
  return identity;
}

/// Where the closure's systemd keeps its EFI programs, or would keep them.
InputFolder efi_programs_of(const Closure& closure) {
  const std::string path = closure.toplevel + "/systemd/lib/systemd/boot/efi";
  const InputFolder found = folder_in_store(closure, path);
  return found.empty() ? InputFolder(path, FileTree()) : found;
}

/// None: the root alone is made.
std::optional<Board> find_chosen_board(const SystemOptions& options) {
  if (options.board.empty()) return std::nullopt;
  return with_boot_kind(find_board(options.board), options.boot.kind);
}

/// What the disk is made of: files of `folder`, or, if it is empty, what is known of them before they are
/// written.
DiskInputs disk_inputs(const LabelledSystem& system, const BootOptions& options,
                       imagefmt::Content root, const std::string& folder) {
  DiskInputs inputs{
      {{"root", std::move(root)}}, system.boot.command_line, system.closure.toplevel, options};
  for (const BootFile& file : system.boot.files) {
    inputs.files.push_back(
        {file.kind, folder.empty() ? planned_content(file.size_bytes)
                                   : imagefmt::Content::from_host_file(folder + '/' + file.name)});
  }
  return inputs;
}

std::string root_image_of(std::string_view format) {
  return fmt::format("root.{}", format);
}

/// What a build goes by: its options, completed by the board and checked.
struct Target {
  std::optional<Board> board;
  ImageOptions image;
  SystemOptions system;
};
Target find_target(const BuildOptions& options) {
  Target target{find_chosen_board(options.system), options.image, options.system};
  target.image.format = options.system.format.value_or(target.board ? target.board->root_format
                                                                    : RootFormat::kSquashfs);
  target.image.image_mtime = options.system.source_date_epoch;
  target.image.jobs = options.system.jobs;
  if (!target.image.reference.empty()) {
    target.image.reference += '/' + root_image_of(to_text(target.image.format));
  }
  check_image_options(target.image);
  // On the disk that the image comes to lie on: what a closure unpacks to is about as large.
  std::error_code ignored;  // of a working folder that is gone
  target.system.spool_folder =
      (std::filesystem::absolute(options.output, ignored) / "..").lexically_normal();
  target.system.read_only = is_read_only(target.image);
  target.system.compression = imagefmt::name_of(used_compression(target.image));
  return target;
}

/// A system that can be built may have what the report cannot tell of, such as no systemd.
std::optional<LabelsReport> try_to_report_labels(const LabelledSystem& system,
                                                 const SystemOptions& options,
                                                 imagefmt::Reporter& reporter) {
  try {
    LabelsReport report = report_labels(system, reporter);
    find_origins(report, system, options, reporter);
    return report;
  } catch (const Error& error) {
    reporter.warn(fmt::format("the report has no labels: {}", error.what()));
    return std::nullopt;
  }
}

/// Every file of the output folder, by what it is. `boot`: what the board boots from, if there is one.
std::vector<Artifact> list_artifacts(const std::string& folder, const LabelledSystem& system,
                                     const BootPart* boot, const std::string& root_image,
                                     imagefmt::Reporter& reporter) {
  Stage stage(reporter, "digesting what was written");
  std::vector<Artifact> artifacts;
  if (boot) artifacts = list_boot_artifacts(*boot, folder);
  artifacts.push_back(make_artifact(folder, "file_contexts", "file_contexts"));
  artifacts.push_back(make_artifact(folder, root_image, "root"));
  artifacts.push_back(make_artifact(folder, imagefmt::index_path(root_image), "index"));
  if (system.has_disk) artifacts.push_back(make_artifact(folder, "disk.img", "disk"));
  imagefmt::walk(system.selinux, [&](const std::string& path, const imagefmt::Node& node) {
    if (node.regular()) artifacts.push_back(make_artifact(folder, "policy" + path, "policy"));
  });
  std::sort(artifacts.begin(), artifacts.end(),
            [](const Artifact& a, const Artifact& b) { return a.name < b.name; });
  for (const Artifact& artifact : artifacts) {
    stage.advance(artifact.size_bytes);
    stage.count(imagefmt::Work::kRead, artifact.size_bytes);
  }
  return artifacts;
}

/// Of `options`, the board is found already.
LabelledSystem label_system_for(const std::optional<Board>& board, const SystemOptions& options,
                                imagefmt::Reporter& reporter) {
  LabelledSystem system;

  // What was given, read and checked, before any long work.
  system.format =
      to_text(options.format.value_or(board ? board->root_format : RootFormat::kSquashfs));
  system.closure = read_system_closure(options, reporter);
  const Closure& closure = system.closure;
  system.spec = read_bootspec(closure);
  if (board) {
    check_same_architecture(*board, system.spec);
    require_initrd(system.spec);
  }
  const std::string architecture(to_text(board ? board->arch : arch_of(system.spec)));
  system.kernel = read_kernel(closure, system.spec);
  policy::LabelRules label_rules = policy::LabelRules::load(options.label_rules);
  const policy::KernelVersion kernel_version = policy::parse_kernel_version(system.kernel.release);

  // What is asked of the closure, before its store becomes the root's.
  std::vector<policy::StorePath> store_paths = store_path_roles(closure);
  BootPartInput boot;
  if (board) {
    boot.kernel = judged_kernel_of(closure, system.spec, system.kernel);
    boot.kernel_file = file_in_store(closure, system.spec.kernel);
    boot.device_trees = folder_in_store(closure, closure.toplevel + "/dtbs");
    boot.efi_programs = efi_programs_of(closure);
    boot.toplevel = closure.toplevel;
  }

  // The root as it would stand after NixOS had been activated in it.
  Assembly assembly = assemble(
      std::exchange(system.closure.store, {}),
      {.toplevel = closure.toplevel,
       .architecture = architecture,
       .init = options.init.value_or(options.read_only ? InitKind::kSealed : InitKind::kClosure),
       .mtime = options.source_date_epoch,
       .contents = read_contents(options.contents),
       .contents_folder = folder_of(options.contents),
       .store_root = plain_store_root(options.store_root)});
  for (const std::string& warning : assembly.warnings) reporter.warn(warning);
  system.needed_params = {"rootfstype=" + system.format, options.read_only ? "ro" : "rw",
                          "init=" + assembly.init};
  system.needed_params.insert(system.needed_params.end(), assembly.kernel_params.begin(),
                              assembly.kernel_params.end());
  if (board) {
    assembly.kernel_params.insert(assembly.kernel_params.end(), system.spec.kernel_params.begin(),
                                  system.spec.kernel_params.end());
    boot.kernel_params = fmt::format("{}", fmt::join(assembly.kernel_params, " "));
    boot.init = assembly.init;
    boot.os_release = [&] { return read_text_at(assembly.root.tree(), "/etc/os-release"); };
    system.boot = make_boot_part(*board, boot, options, reporter);
    system.has_disk = has_disk(*board, system.boot.files);
    // Of any root: what is wrong with its place shows now.
    if (system.has_disk) {
      planned_board_disk_size(*board, disk_inputs(system, options.boot, planned_content(1), ""));
    }
  }

  // One policy file, at the version that this kernel takes.
  system.policy = std::make_unique<const NamedPolicy>(
      compile_policy(options.policy, kernel_version, options.jobs, reporter));
  const NamedPolicy& policy = *system.policy;
  policy::check_labels_are_read(policy.name, policy.compiled.xattr_filesystems, system.format);
  policy::SelinuxFolder selinux =
      make_selinux_folder(policy, options.mode, read_accounts(assembly.root.tree()), reporter);
  system.selinux = std::move(selinux.tree);
  system.home_templates = std::move(selinux.home_templates);
  check_mount_contexts(assembly.root.tree(), [&policy](std::string_view context) {
    return policy.database.accepts(context);
  });
  add_selinux(assembly.root, system.selinux.clone());
  system.tree = std::move(assembly.root).take();

  // Every inode gets its label, judged by the compiled policy.
  system.rules = {
      .contexts = read_contexts_of(system.selinux, policy.name),
      .store_paths = std::move(store_paths),
      .label_rules = std::move(label_rules),
      .context_is_valid =
          [&policy](std::string_view context) { return policy.database.accepts(context); },
      .jobs = options.jobs};
  system.labels = policy::label(system.tree, system.rules, reporter);
  return system;
}

/// The system of a build, ready to be written, whose kernel is known to read the image.
LabelledSystem label_target(const Target& target, imagefmt::Reporter& reporter) {
  LabelledSystem system = label_system_for(target.board, target.system, reporter);
  choose_compression(system.tree, target.image, reporter);
  check_image_is_read(target.image, policy::parse_kernel_version(system.kernel.release));
  return system;
}

}  // namespace

LabelledSystem label_system(const SystemOptions& options, imagefmt::Reporter& reporter) {
  return label_system_for(find_chosen_board(options), options, reporter);
}

BuildPlan plan_build(const BuildOptions& options, imagefmt::Reporter& reporter) {
  Target target = find_target(options);
  const LabelledSystem system = label_target(target, reporter);
  target.image.identity = identity_of(system.closure);
  return plan(system, target.image);
}

BuildResult build(const BuildOptions& options, imagefmt::Reporter& reporter) {
  Target target = find_target(options);
  imagefmt::OutputFolder output(options.output);
  const LabelledSystem system = label_target(target, reporter);
  target.image.identity = identity_of(system.closure);

  // From here on the tree is const.
  const FileTree& root = system.tree;
  const std::string folder = output.partial(), root_image = root_image_of(system.format);
  imagefmt::File image = imagefmt::File::create(folder + '/' + root_image);
  imagefmt::WrittenImage written = write_image(root, target.image, image, reporter);
  imagefmt::write_file(imagefmt::index_path(folder + '/' + root_image),
                       imagefmt::as_text(std::exchange(written.index, {})));

  if (target.board) write_boot_part(system.boot, folder, reporter);
  if (system.has_disk) {
    imagefmt::File disk = imagefmt::File::create(folder + "/disk.img");
    write_board_disk(
        *target.board,
        disk_inputs(system, options.system.boot,
                    imagefmt::Content::from_host_file(folder + '/' + root_image), folder),
        disk, reporter);
  }
  std::string exact_contexts = policy::serialize_exact_contexts(root);
  imagefmt::write_file(folder + "/file_contexts", exact_contexts);
  imagefmt::make_folder(folder + "/policy");
  imagefmt::write_folder(system.selinux, folder + "/policy");

  // What was written is judged by its bytes alone.
  if (options.verify) {
    prove_labels(folder + '/' + root_image, std::move(exact_contexts), system.policy->database,
                 system.format, reporter);
  }

  const policy::CompiledPolicy& policy = system.policy->compiled;
  Manifest manifest;
  if (target.board) {
    manifest.board = target.board->name;
    manifest.boot = to_text(target.board->boot_kind);
    manifest.cmdline = system.boot.command_line;
  } else {
    manifest.needed_params = system.needed_params;
  }
  manifest.toplevel = system.closure.toplevel;
  manifest.kernel_version = system.kernel.release;
  manifest.policy_version = policy.version;
  manifest.policy_sha256 = imagefmt::to_hex(imagefmt::sha256(policy.binary));
  manifest.mode = policy::to_text(options.system.mode);
  manifest.artifacts =
      list_artifacts(folder, system, target.board ? &system.boot : nullptr, root_image, reporter);
  manifest.inodes = system.labels.inodes;
  manifest.inodes_by_context = system.labels.by_context;
  manifest.inodes_by_rule = name_rules(system.labels, system.rules);
  imagefmt::write_file(manifest_file(folder), serialize_manifest(manifest));

  BuildResult result;
  result.inodes = system.labels.inodes;
  result.labels = system.labels.by_context.size();
  result.rules_used = system.labels.by_rule.size();
  result.rules = system.rules.contexts.rules().size();
  result.sizes = measure_sizes(root, std::move(written));
  result.kernel_release = system.kernel.release;
  result.policy_version = policy.version;
  if (options.report) {
    result.splits = find_splits(root);
    result.labels_report = try_to_report_labels(system, options.system, reporter);
  }
  // Waits until the disk has it all.
  Stage stage(reporter, "committing the output");
  output.commit();
  return result;
}

}  // namespace builder
