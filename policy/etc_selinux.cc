// SPDX-License-Identifier: Apache-2.0
#include "policy/etc_selinux.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "policy/homedirs.h"
#include "policy/text_lines.h"

namespace policy {

std::string_view to_text(SelinuxMode mode) {
  return mode == SelinuxMode::kEnforcing ? "enforcing" : "permissive";
}

using imagefmt::Content;
using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::make_regular;

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kStore = "/nix/store";
constexpr uint64_t kFileLimit = 16 << 20;
// Of the contexts folder, where links may lead in circles.
constexpr int kDepthLimit = 8;
constexpr size_t kFileCountLimit = 1000;

/// Files of the contexts folder, by their paths in it.
using ContextFiles = std::map<std::string, std::string>;

/// By this build, or by `policy compile` for it.
bool is_made_by_the_build(std::string_view path) {
  return path == "files/file_contexts" || path == "files/file_contexts.homedirs" ||
         path == "files/homedir_template";
}
bool is_of_some_machine(std::string_view path) {
  return path == "files/file_contexts.local" || path == "files/file_contexts.subs";
}
bool is_compiled(std::string_view path) {
  return path.size() > 4 && path.substr(path.size() - 4) == ".bin";
}

/// Links are followed: nixpkgs' folders of links are as good as the folders themselves.
void read_contexts(const fs::path& folder, const std::string& prefix, int depth,
                   ContextFiles& files, std::vector<std::string>& warnings) {
  if (depth > kDepthLimit) {
    throw Error(fmt::format("cannot read the contexts folder '{}': more than {} folders deep",
                            folder.string(), kDepthLimit));
  }
  std::vector<fs::path> sources;
  std::error_code error;
  for (fs::directory_iterator entries(folder, error); !error && entries != fs::directory_iterator();
       entries.increment(error)) {
    sources.push_back(entries->path());
  }
  if (error) {
    throw Error(
        fmt::format("cannot read the contexts folder '{}': {}", folder.string(), error.message()));
  }
  std::sort(sources.begin(), sources.end());
  for (const fs::path& source : sources) {
    const std::string path = prefix + source.filename().string();
    const fs::file_status status = fs::status(source, error);
    if (fs::is_directory(status)) {
      read_contexts(source, path + '/', depth + 1, files, warnings);
    } else if (!fs::is_regular_file(status)) {
      throw Error(fmt::format("cannot copy '{}': it leads to neither a file nor a folder",
                              source.string()));
    } else if (is_of_some_machine(path)) {
      warnings.push_back(fmt::format(
          "'{}' is left out: it holds one machine's own changes; give rules for an image in a "
          "policy module",
          source.string()));
    } else if (!is_made_by_the_build(path) && !is_compiled(path)) {
      files[path] = imagefmt::read_file(source.string(), kFileLimit);
      if (files.size() > kFileCountLimit) {
        throw Error(fmt::format("cannot read the contexts folder '{}': more than {} files",
                                folder.string(), kFileCountLimit));
      }
    }
  }
}

/// Without these, an enforcing system lets nobody log in, or does not start.
struct NeededFile {
  std::string_view path, needed_by;
};
constexpr NeededFile kNeededFiles[] = {
    {"default_contexts", "login, sshd, crond and 'systemd --user' for the context of a session"},
    {"default_type", "newrole, sudo and pam_selinux for the type of a role"},
    {"failsafe_context", "pam_selinux when no default context can be reached"},
    {"dbus_contexts", "dbus-daemon and dbus-broker, whose configuration includes it"},
    {"securetty_types", "login and newrole for the terminals that they relabel"},
};

void check_needed_files(const ContextFiles& files, const std::string& folder) {
  Faults faults;
  for (const NeededFile& needed : kNeededFiles) {
    if (files.count(std::string(needed.path))) continue;
    faults.add(fmt::format("cannot use the contexts folder '{}': it has no '{}', needed by {}",
                           folder, needed.path, needed.needed_by));
  }
  faults.throw_if_any();
}

void check_binary(const PolicyFiles& files, const PolicyDb& policy) {
  if (policy.version() != files.version) {
    throw Error(fmt::format("cannot write 'policy.{}': its own header says version {}",
                            files.version, policy.version()));
  }
  if (policy.mls() != files.mls) {
    throw Error(fmt::format("cannot write 'policy.{}': expected {} policy, found {}", files.version,
                            files.mls ? "an MLS" : "a non-MLS",
                            policy.mls() ? "an MLS" : "a non-MLS"));
  }
}

/// How the lines of a file name contexts.
enum class Form {
  kNoContexts,
  kLastField,      // rules: EXPRESSION [TYPE] CONTEXT, media: NAME CONTEXT
  kPartialFields,  // every field is role:type[:level]
  kWhole,          // the line is user:role:type[:level]
};

Form form_of(std::string_view file) {
  constexpr std::string_view kContexts = "contexts/";
  if (file.substr(0, kContexts.size()) != kContexts) return Form::kNoContexts;
  file.remove_prefix(kContexts.size());
  if (file == "files/media" || file == "files/file_contexts" ||
      file == "files/file_contexts.homedirs") {
    return Form::kLastField;
  }
  if (file == "default_contexts" || file == "failsafe_context" || file.substr(0, 6) == "users/") {
    return Form::kPartialFields;
  }
  if (file == "initrc_context" || file == "removable_context" || file == "userhelper_context" ||
      file == "virtual_domain_context" || file == "virtual_image_context") {
    return Form::kWhole;
  }
  return Form::kNoContexts;
}

}  // namespace

SelinuxFolder make_selinux_folder(const PolicyFiles& files, const PolicyDb& policy,
                                  SelinuxMode mode, const std::string& contexts_folder,
                                  const ImageAccounts& accounts) {
  check_policy_name(files.name);
  check_binary(files, policy);
  const std::vector<SelinuxLogin> logins = parse_seusers(files.seusers);
  check_seusers(logins, policy);

  SelinuxFolder result;
  ContextFiles context_files;
  read_contexts(contexts_folder, "", 1, context_files, result.warnings);
  check_needed_files(context_files, contexts_folder);

  std::vector<SelinuxUser> users = policy.users();
  apply_user_prefixes(files.user_prefixes, users);
  const SplitFileContexts contexts = split_file_contexts(files.file_contexts);
  HomeRules home_rules =
      expand_home_directories(contexts, logins, users, files.mls, accounts,
                              [&](const std::string& context) { return policy.accepts(context); });
  result.warnings.insert(result.warnings.end(), home_rules.warnings.begin(),
                         home_rules.warnings.end());
  context_files["files/file_contexts"] = image_file_contexts(contexts.rules);
  context_files["files/file_contexts.homedirs"] = std::move(home_rules.text);
  result.home_templates = std::move(home_rules.templates);

  std::vector<std::string> level_faults;
  find_level_faults("contexts/files/file_contexts", files.file_contexts, files.mls, level_faults);
  for (const auto& [path, text] : context_files) {
    if (is_made_by_the_build(path)) continue;
    find_level_faults("contexts/" + path, text, files.mls, level_faults);
  }
  Faults faults;
  for (std::string& fault : level_faults) faults.add(std::move(fault));
  faults.throw_if_any();

  auto add = [&](const std::string& path, std::string text) {
    result.tree.insert(path, make_regular(Content::from_bytes(std::move(text))));
  };
  const std::string folder = '/' + std::string(files.name) + '/';
  add("/config", fmt::format("SELINUX={}\nSELINUXTYPE={}\n", to_text(mode), files.name));
  add(fmt::format("{}policy/policy.{}", folder, files.version), std::string(files.binary));
  add(folder + "seusers", serialize_seusers(logins));
  for (auto& [path, text] : context_files) add(folder + "contexts/" + path, std::move(text));
  const fs::path translations = fs::path(contexts_folder) / ".." / "setrans.conf";
  std::error_code ignored;
  if (files.mls && fs::is_regular_file(translations, ignored)) {
    add(folder + "setrans.conf", imagefmt::read_file(translations.string(), kFileLimit));
  }
  return result;
}

void check_contexts_folder(const std::string& folder) {
  ContextFiles files;
  std::vector<std::string> warnings;
  read_contexts(folder, "", 1, files, warnings);
  check_needed_files(files, folder);
}

std::string find_contexts_folder(const std::string& policy_folder) {
  std::vector<fs::path> places = {fs::path(policy_folder) / "contexts"};
  // What the modules lie in is known by its name as given, and by what links lead to.
  std::error_code ignored;
  fs::path given = fs::absolute(policy_folder, ignored).lexically_normal();
  if (!given.has_filename()) given = given.parent_path();
  for (const fs::path& folder : {given, fs::canonical(given, ignored)}) {
    const fs::path share = folder.parent_path().parent_path();
    if (folder.parent_path().filename() != "selinux" || share.filename() != "share") continue;
    const fs::path below = fs::path("etc/selinux") / folder.filename() / "contexts";
    places.push_back(share.parent_path() / below);
    if (share.parent_path().filename() == "usr") {
      places.push_back(share.parent_path().parent_path() / below);
    }
  }
  std::string looked;
  for (size_t i = 0; i < places.size(); ++i) {
    if (fs::is_directory(places[i], ignored)) return places[i].string();
    if (std::find(places.begin(), places.begin() + i, places[i]) != places.begin() + i) continue;
    looked += fmt::format("{}'{}'", looked.empty() ? "" : ", ", places[i].string());
  }
  throw Error(fmt::format(
      "cannot find the application contexts of '{}': no folder {}; name it with --contexts",
      policy_folder, looked));
}

std::string image_file_contexts(std::string_view rules) {
  std::string text;
  for_each_line(rules, [&](std::string_view line, size_t) {
    const std::string_view rule = trim(line);
    if (rule.substr(0, kStore.size()) == kStore) {
      // Rules below the store only: /nix/storehouse is another folder.
      const std::string_view rest = rule.substr(kStore.size());
      constexpr std::string_view kEnds = "/(?*+[{ \t";
      if (rest.empty() || kEnds.find(rest.front()) != std::string_view::npos) return;
    }
    text += line;
    text += '\n';
  });
  return text + "/nix/store(/.*)?\t<<none>>\n";
}

void check_policy_name(std::string_view name) {
  auto refuse = [&](std::string_view reason) {
    throw Error(fmt::format("cannot name a policy '{}': {}", name, reason));
  };
  if (name.empty()) refuse("a name has at least one character");
  if (name.size() > 64) refuse("a name has at most 64 characters");
  if (name == "config") refuse("'/etc/selinux/config' is a file");
  for (char c : name) {
    const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '-';
    if (!legal) refuse("expected letters, digits, '_' and '-'");
  }
}

void check_labels_are_read(std::string_view policy_name,
                           const std::vector<std::string>& xattr_filesystems,
                           std::string_view filesystem) {
  if (std::find(xattr_filesystems.begin(), xattr_filesystems.end(), filesystem) !=
      xattr_filesystems.end()) {
    return;
  }
  throw Error(fmt::format(
      "cannot label an image of format '{}' with policy '{}': without a rule 'fs_use_xattr {}' the "
      "kernel "
      "ignores the labels in the image; the policy has such rules for {}",
      filesystem, policy_name, filesystem,
      xattr_filesystems.empty() ? "none" : fmt::format("{}", fmt::join(xattr_filesystems, ", "))));
}

void find_level_faults(std::string_view file, std::string_view text, bool mls,
                       std::vector<std::string>& faults) {
  const Form form = form_of(file);
  if (form == Form::kNoContexts) return;
  const ptrdiff_t colons = form == Form::kPartialFields ? 2 : 3;
  for_each_line(text, [&](std::string_view line, size_t number) {
    if (is_comment(line)) return;
    auto fields = split_blanks(line);
    if (form == Form::kLastField) fields.erase(fields.begin(), fields.end() - 1);
    for (std::string_view context : fields) {
      if (context == "<<none>>") continue;
      const bool has_level = std::count(context.begin(), context.end(), ':') >= colons;
      if (has_level == mls) continue;
      std::string fault =
          fmt::format("cannot use '{}' line {}: '{}' has {} level, and the policy is {}", file,
                      number, context, has_level ? "a" : "no", mls ? "MLS" : "not MLS");
      // A line of default_contexts often names one context twice.
      if (faults.empty() || faults.back() != fault) faults.push_back(std::move(fault));
    }
  });
}

}  // namespace policy
