// SPDX-License-Identifier: Apache-2.0
#include "builder/assemble.h"

#include <map>

#include "builder/activation.h"
#include "builder/etc.h"
#include "builder/links.h"
#include "builder/skeleton.h"
#include "imagefmt/base/embedded.h"

namespace builder {

using imagefmt::Content;
using imagefmt::Entry;
using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::FileTree;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using imagefmt::Node;

std::span<const imagefmt::EmbeddedFile> embedded_inits();

namespace {

Activation read_activation(const FileTree& tree, const std::string& toplevel) {
  std::string path = toplevel + "/activate";
  if (!find_following(tree, path)) return {};
  return parse_activation(read_text_at(tree, path), path);
}

/// The files of sysusers.d(5) by name; those of /etc stand in for the packages'. One that leads to
/// nothing of the image, such as /dev/null, takes a package's file away.
std::vector<SysusersFile> read_sysusers(const FileTree& tree, const std::string& toplevel,
                                        const std::string& etc) {
  std::map<std::string, std::string> paths;
  for (const std::string& folder : {toplevel + "/sw/lib/sysusers.d", etc + "/sysusers.d"}) {
    std::optional<Found> found = find_following(tree, folder);
    if (!found || !found->node->directory()) continue;
    for (const Entry& entry : found->node->directory()->entries) {
      if (entry.name.ends_with(".conf")) paths[entry.name] = join_path(found->path, entry.name);
    }
  }
  std::vector<SysusersFile> files;
  for (const auto& [name, path] : paths) {
    std::optional<Found> found = find_following(tree, path);
    if (found && found->node->regular()) files.push_back({path, read_text_at(tree, path)});
  }
  return files;
}

struct AccountSource {
  Accounts accounts;
  std::string origin;  // who supplies the files; empty if /etc comes with its own
};

AccountSource read_accounts(const FileTree& tree, const std::string& toplevel,
                            const std::string& etc, const Activation& activation) {
  if (activation.users_groups) {
    const std::string& path = *activation.users_groups;
    FindText find_text = [&](const std::string& file) -> std::optional<std::string> {
      std::optional<Found> found = find_following(tree, file);
      if (!found || !found->node->regular()) return std::nullopt;
      return read_text_at(tree, file, 4096);
    };
    return {parse_users_groups(read_text_at(tree, path), path, find_text),
            fmt::format("'{}'", path)};
  }
  std::string passwd = etc + "/passwd", group = etc + "/group";
  if (find_following(tree, passwd)) {
    std::string groups = find_following(tree, group) ? read_text_at(tree, group) : std::string();
    return {parse_passwd_and_group(read_text_at(tree, passwd), passwd, groups, group), ""};
  }
  std::vector<SysusersFile> files = read_sysusers(tree, toplevel, etc);
  if (!files.empty()) return {parse_sysusers(files), "the closure's sysusers.d"};
  AccountSource none;
  none.accounts.warnings.push_back(
      "the image has no users: the closure has neither users-groups.json, nor /etc/passwd, nor "
      "sysusers.d");
  return none;
}

void add_account_files(Root& root, const AccountSource& source) {
  if (source.origin.empty()) return;
  const Accounts& accounts = source.accounts;
  Faults faults;
  auto add = [&](std::string_view path, std::string text, uint16_t mode, uint32_t gid) {
    Node file = make_regular(Content::from_bytes(std::move(text)), mode);
    file.gid = gid;
    try {
      root.add(path, std::move(file), source.origin);
    } catch (const Error& error) {
      faults.add(error.what());
    }
  };
  add("/etc/group", serialize_group(accounts), 0644, 0);
  add("/etc/passwd", serialize_passwd(accounts), 0644, 0);
  add("/etc/shadow", serialize_shadow(accounts), 0640, accounts.find_gid("shadow").value_or(0));
  add("/etc/subgid", serialize_subgid(accounts), 0644, 0);
  add("/etc/subuid", serialize_subuid(accounts), 0644, 0);
  faults.throw_if_any();
}

/// What PID 1 of the image is, and that it is there.
std::string add_init(Root& root, const AssembleOptions& options) {
  if (options.init == InitKind::kClosure) return options.toplevel + "/init";
  root.add("/init",
           make_regular(Content::from_bytes(std::string(sealed_init(options.architecture))), 0555),
           "the first process of sealed images");
  // An empty file is one that systemd mounts the machine's own id over, on every boot. A missing
  // file is an error on a read-only root, and "uninitialized" would make each boot a first one,
  // with presets that cannot be written (machine-id(5), "First boot semantics").
  root.add_default("/etc/machine-id", make_regular(Content::from_bytes(""), 0444));
  return "/init";
}

void check_start(const FileTree& tree, const AssembleOptions& options) {
  bool sealed = options.init == InitKind::kSealed;
  std::string_view program = sealed ? "systemd/lib/systemd/systemd" : "init";
  std::optional<Found> found = find_following(tree, join_path(options.toplevel, program));
  if (found && found->node->regular()) return;
  throw Error(fmt::format("cannot {} '{}': it has no '{}'", sealed ? "seal" : "start",
                          options.toplevel, program));
}

void append(std::vector<std::string>& to, std::vector<std::string> from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

std::string_view sealed_init(std::string_view architecture) {
  for (const imagefmt::EmbeddedFile& file : embedded_inits()) {
    if (file.name == fmt::format("sealed_init.{}", architecture)) return file.bytes;
  }
  throw Error(fmt::format("there is no first process for '{}'", architecture));
}

Assembly assemble(FileTree store, const AssembleOptions& options) {
  Root root(std::move(store), options.mtime);
  check_start(root.tree(), options);
  std::string etc = folder_at(root.tree(), options.toplevel + "/etc").path;
  Activation activation = read_activation(root.tree(), options.toplevel);
  AccountSource source = read_accounts(root.tree(), options.toplevel, etc, activation);
  std::vector<std::string> warnings = source.accounts.warnings;

  // What somebody supplies: each path once.
  fill_etc(root, etc, source.accounts, warnings);
  add_account_files(root, source);
  add_contents(root, options.contents, options.store_root, options.contents_folder,
               source.accounts);
  std::string init = add_init(root, options);

  // From here on everything gives way to what stands already.
  append(warnings, add_compatibility_links(root, options.toplevel, activation));
  if (root.origin_of("/sbin").empty()) root.add_default("/sbin/init", make_symlink(init));
  add_homes(root, source.accounts);
  add_skeleton(root, options.toplevel);
  add_mount_points(root);

  std::vector<std::string> kernel_params;
  if (options.init == InitKind::kSealed) {
    kernel_params = activation_kernel_params(activation);
    append(warnings, activation_warnings(activation));
  }
  return {std::move(root), std::move(init), std::move(kernel_params), std::move(warnings)};
}

}  // namespace builder
