// SPDX-License-Identifier: Apache-2.0
#include "builder/skeleton.h"

#include <algorithm>

#include "builder/links.h"

namespace builder {

using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::make_directory;
using imagefmt::make_symlink;
using imagefmt::Node;

namespace {

struct SkeletonFolder {
  std::string_view path;
  uint16_t mode;
};

// The modes of /proc and /sys are those that their file systems show once mounted.
constexpr SkeletonFolder kFolders[] = {
    {"/boot", 0755},
    {"/dev", 0755},
    {"/etc", 0755},
    {"/home", 0755},
    {"/mnt", 0755},
    {"/nix/var/nix/gcroots", 0755},
    {"/nix/var/nix/profiles", 0755},
    {"/proc", 0555},
    {"/root", 0700},
    {"/run", 0755},
    {"/sys", 0555},
    {"/tmp", 01777},
    {"/var", 0755},
    {"/var/cache", 0755},
    {"/var/db", 0755},
    {"/var/empty", 0555},
    {"/var/lib", 0755},
    {"/var/log", 0755},
    {"/var/spool", 0755},
    {"/var/tmp", 01777},
};

struct SkeletonLink {
  std::string_view path, target;
};

constexpr SkeletonLink kLinks[] = {
    {"/etc/mtab", "/proc/mounts"},
    {"/nix/var/nix/gcroots/booted-system", "/run/booted-system"},
    {"/nix/var/nix/gcroots/current-system", "/run/current-system"},
    {"/nix/var/nix/profiles/system", "system-1-link"},
    {"/var/lock", "/run/lock"},
    {"/var/run", "/run"},
};

bool is_made_at_boot(std::string_view path) {
  for (std::string_view folder : {"/dev", "/proc", "/run", "/sys", "/tmp", "/var"}) {
    if (path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/')) {
      return true;
    }
  }
  return false;
}

/// `\040` and the like of fstab(5).
std::string unescape_octal(std::string_view text) {
  auto digit = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain +=
          static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + text[i + 3] - '0');
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

/// The second field of each line of fstab(5).
std::vector<std::string> fstab_places(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  std::vector<std::string> places;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    size_t device = line.find_first_not_of(kBlank);
    if (device == line.npos || line[device] == '#') continue;
    size_t blank = line.find_first_of(kBlank, device);
    size_t place = blank == line.npos ? blank : line.find_first_not_of(kBlank, blank);
    if (place == line.npos) continue;
    size_t after = std::min(line.find_first_of(kBlank, place), line.size());
    places.push_back(unescape_octal(line.substr(place, after - place)));
  }
  return places;
}

/// No empty, '.' or '..' component, nor one that no folder can be called.
bool is_plain_path(std::string_view path) {
  if (path.size() < 2 || path.size() > 4095 || path.front() != '/') return false;
  if (path.find('\0') != path.npos) return false;
  for (size_t start = 1; start <= path.size();) {
    size_t end = std::min(path.find('/', start), path.size());
    std::string_view name = path.substr(start, end - start);
    if (name.empty() || name == "." || name == ".." || name.size() > 255) return false;
    start = end + 1;
  }
  return true;
}

}  // namespace

void add_skeleton(Root& root, const std::string& toplevel) {
  for (const SkeletonFolder& folder : kFolders) {
    root.add_default(folder.path, make_directory(folder.mode));
  }
  for (const SkeletonLink& link : kLinks) {
    root.add_default(link.path, make_symlink(std::string(link.target)));
  }
  root.add_default("/nix/var/nix/profiles/system-1-link", make_symlink(toplevel));
}

std::vector<std::string> add_compatibility_links(Root& root, const std::string& toplevel,
                                                 const Activation& activation) {
  std::vector<std::string> warnings;
  auto add = [&](std::string_view path, std::string_view above, std::optional<std::string> target,
                 std::string_view in_sw) {
    if (!root.origin_of(above).empty() || root.tree().find(path)) return;
    std::string fallback = toplevel + std::string(in_sw);
    if (!target && find_following(root.tree(), fallback)) target = fallback;
    if (target) {
      root.add_default(path, make_symlink(std::move(*target)));
    } else {
      warnings.push_back(
          fmt::format("there is no '{}': neither the activation script names one, nor "
                      "is there '{}'",
                      path, fallback));
    }
  };
  add("/bin/sh", "/bin", activation.bin_sh, "/sw/bin/sh");
  add("/usr/bin/env", "/usr", activation.usr_bin_env, "/sw/bin/env");
  return warnings;
}

void add_homes(Root& root, const Accounts& accounts) {
  for (const User& user : accounts.users) {
    if (!user.create_home || !is_plain_path(user.home)) continue;
    Node home = make_directory(user.home_mode);
    home.uid = user.uid;
    home.gid = user.gid;
    root.add_default(user.home, std::move(home));
  }
}

std::optional<std::string> path_of_mount_unit(std::string_view unit) {
  constexpr std::string_view kSuffix = ".mount";
  if (!unit.ends_with(kSuffix)) return std::nullopt;
  unit.remove_suffix(kSuffix.size());
  std::string path = "/";
  auto digit_of = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (size_t i = 0; i < unit.size(); ++i) {
    if (unit[i] == '-') {
      path += '/';
    } else if (unit[i] == '\\') {
      if (i + 3 >= unit.size() || unit[i + 1] != 'x') return std::nullopt;
      int high = digit_of(unit[i + 2]), low = digit_of(unit[i + 3]);
      if (high < 0 || low < 0) return std::nullopt;
      path += static_cast<char>(high * 16 + low);
      i += 3;
    } else {
      path += unit[i];
    }
  }
  if (!is_plain_path(path)) return std::nullopt;
  return path;
}

void add_mount_points(Root& root) {
  std::vector<std::string> places;
  if (std::optional<Found> fstab = find_following(root.tree(), "/etc/fstab");
      fstab && fstab->node->regular()) {
    places = fstab_places(read_text_at(root.tree(), fstab->path));
  }
  if (std::optional<Found> units = find_following(root.tree(), "/etc/systemd/system");
      units && units->node->directory()) {
    for (const Entry& entry : units->node->directory()->entries) {
      std::optional<std::string> path = path_of_mount_unit(entry.name);
      if (path) places.push_back(std::move(*path));
    }
  }
  std::sort(places.begin(), places.end());
  for (const std::string& place : places) {
    if (is_plain_path(place) && !is_made_at_boot(place)) root.add_default(place, make_directory());
  }
}

}  // namespace builder
