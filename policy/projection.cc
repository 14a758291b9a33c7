// SPDX-License-Identifier: Apache-2.0
#include "policy/projection.h"

#include <array>
#include <optional>

namespace policy {
namespace {

/// `<store path>/<top>/X` is seen as `<place>/X`, and as `<other_place>/X`. The first row that fits
/// counts.
struct Row {
  std::optional<StorePathRole> role;  // none: whatever the store path is
  std::string_view name_ends;         // of the store path
  std::string_view top;               // empty: whatever it is, and it stays in the path
  std::string_view place;
  std::string_view other_place = {};
  bool is_guess = false;
};

constexpr std::string_view kUnits = "/usr/lib/systemd/system";
using Role = StorePathRole;

constexpr Row kTable[] = {
    // A unit is a store path of its own in NixOS, and what collects them is another.
    {Role::kUnit, "", "", kUnits},
    {Role::kSystemUnits, "user-units", "", "/usr/lib/systemd/user"},
    {Role::kSystemUnits, "", "", kUnits},

    // bzImage or Image, System.map, dtbs; a kernel that is not split has its modules too.
    {Role::kKernel, "", "lib", "/usr/lib"},
    {Role::kKernel, "", "", "/boot"},
    {Role::kInitrd, "", "", "/boot"},

    // A package installs a daemon in bin where a distribution has it in sbin, or the other way.
    {{}, "", "bin", "/usr/bin", "/usr/sbin"},
    {{}, "", "sbin", "/usr/sbin", "/usr/bin"},

    // The rest of a package lies where its prefix would be /usr. Modules, firmware and units that
    // packages bring are in `lib`. Policies speak of /usr/lib64 and the like through substitutions.
    {{}, "", "etc", "/etc"},
    {{}, "", "var", "/var"},
    {{}, "", "games", "/usr/games"},
    {{}, "", "include", "/usr/include"},
    {{}, "", "lib", "/usr/lib"},
    {{}, "", "lib32", "/usr/lib32"},
    {{}, "", "lib64", "/usr/lib64"},
    {{}, "", "libexec", "/usr/libexec"},
    {{}, "", "share", "/usr/share"},
    {{}, "", "src", "/usr/src"},
    {{}, "", "", "/usr", {}, true},
};

// A store path that is a file itself, and the scripts of a toplevel: a name of no program, so that
// the folder's own rule answers (bin_t, usr_t).
constexpr std::string_view kPlainProgram = "/usr/bin/.store-file";
constexpr std::string_view kPlainFile = "/usr/.store-file";
constexpr std::string_view kPlainInitrd = "/boot/initrd.img";
constexpr std::string_view kPlainKernel = "/boot/vmlinuz";

/// The name of what nixpkgs' makeWrapper has renamed to `.NAME-wrapped`, empty for all else.
std::string_view wrapped_name(std::string_view file_name) {
  while (file_name.ends_with('_')) file_name.remove_suffix(1);  // wrapped more than once
  constexpr std::string_view kSuffix = "-wrapped";
  if (!file_name.starts_with('.') || !file_name.ends_with(kSuffix)) return {};
  file_name.remove_prefix(1);
  file_name.remove_suffix(kSuffix.size());
  return file_name;
}

const Row& row_for(StorePathRole role, std::string_view base_name, std::string_view top) {
  for (const Row& row : kTable) {
    if ((!row.role || *row.role == role) && base_name.ends_with(row.name_ends) &&
        (row.top.empty() || row.top == top)) {
      return row;
    }
  }
  return kTable[std::size(kTable) - 1];
}

}  // namespace

Projection::Projection(const std::vector<StorePath>& store_paths) {
  for (const StorePath& path : store_paths) roles_[path.base_name] = path.role;
}

SeenAs Projection::see(std::string_view base_name, std::string_view inner, FileType type,
                       bool is_executable) const {
  auto known = roles_.find(std::string(base_name));
  const Role role = known == roles_.end() ? Role::kPackage : known->second;
  const bool is_file = type == FileType::kRegular;
  SeenAs seen;
  if (inner.empty()) {
    seen.is_skeleton = type == FileType::kDirectory;
    // A link to another store path says nothing of what it is, except where the root leads to it.
    seen.is_guess = true;
    if (!is_file) return seen;
    seen.places.emplace_back(role == Role::kInitrd   ? kPlainInitrd
                             : role == Role::kKernel ? kPlainKernel
                             : is_executable         ? kPlainProgram
                                                     : kPlainFile);
    return seen;
  }
  const std::string_view top = inner.substr(0, inner.find('/'));
  if (role == Role::kToplevel) {
    if (type == FileType::kSymlink) {
      seen.is_skeleton = true;
      return seen;
    }
    if (is_file && is_executable && top == inner) {
      seen.places.emplace_back(kPlainProgram);
      return seen;
    }
  }

  const Row& row = row_for(role, base_name, top);
  const std::string_view rest =
      row.top.empty() ? inner : inner.substr(std::min(inner.size(), top.size() + 1));
  seen.is_guess = row.is_guess;
  for (std::string_view place : {row.place, row.other_place}) {
    if (place.empty()) continue;
    std::string& path = seen.places.emplace_back(place);
    if (!rest.empty()) (path += '/') += rest;
  }
  std::string_view file_name = inner.substr(inner.rfind('/') + 1);
  std::string_view wrapped = wrapped_name(file_name);
  if (is_file && !wrapped.empty()) {
    for (size_t i = 0, count = seen.places.size(); i < count; ++i) {
      std::string unwrapped = seen.places[i];
      unwrapped.replace(unwrapped.size() - file_name.size(), file_name.size(), wrapped);
      seen.places.push_back(std::move(unwrapped));
    }
  }
  return seen;
}

}  // namespace policy
