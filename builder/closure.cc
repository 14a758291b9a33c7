// SPDX-License-Identifier: Apache-2.0
#include "builder/closure.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "builder/resolve.h"
#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"
#include "imagefmt/base/file.h"
#include "imagefmt/folder.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;
using imagefmt::throw_errno;

namespace {

/// Adds a fault for each path that one of the two files alone has.
void check_same_paths(const std::vector<ListedPath>& listed, const std::string& listing,
                      const std::vector<RegisteredPath>& registered,
                      const std::string& registration, Faults& faults) {
  auto here = listed.begin();
  auto there = registered.begin();
  while (here != listed.end() || there != registered.end()) {
    int order = here == listed.end()        ? 1
                : there == registered.end() ? -1
                                            : here->path.compare(there->info.path);
    if (order < 0) {
      faults.add(fmt::format("{}:{}: {} is not registered in '{}'", listing, here->line,
                             in_quotes(here->path), registration));
    } else if (order > 0) {
      faults.add(fmt::format("{}:{}: {} is not listed in '{}'", registration, there->line,
                             in_quotes(there->info.path), listing));
    }
    if (order <= 0) ++here;
    if (order >= 0) ++there;
  }
}

void check_on_disk(const std::vector<ListedPath>& listed, const std::string& listing,
                   const std::string& store_root, Faults& faults) {
  const std::string store = store_root + std::string(kStoreFolder);
  if (access(store.c_str(), F_OK) != 0) {
    // All that is listed is missing, then.
    faults.add(fmt::format("cannot find the store '{}': {}", store, strerrordesc_np(errno)));
    return;
  }
  for (const ListedPath& path : listed) {
    std::string host_path = store_root + path.path;
    struct stat status {};
    if (lstat(host_path.c_str(), &status) == 0) continue;
    const char* reason = errno == ENOENT ? "nothing stands there" : strerrordesc_np(errno);
    faults.add(fmt::format("{}:{}: cannot find '{}': {}", listing, path.line, host_path,
                           reason ? reason : "unknown error"));
  }
}

bool holds(const Closure& closure, std::string_view store_path, std::string_view name) {
  struct stat status {};
  std::string path = fmt::format("{}{}/{}", closure.store_root, store_path, name);
  if (lstat(path.c_str(), &status) == 0) return true;
  if (errno != ENOENT && errno != ENOTDIR) throw_errno(fmt::format("stat '{}'", path));
  return false;
}

bool is_system(const Closure& closure, std::string_view store_path) {
  return holds(closure, store_path, "nixos-version") && holds(closure, store_path, "init");
}

std::vector<Specialisation> read_specialisations(const Closure& closure,
                                                 const std::string& toplevel) {
  std::vector<Specialisation> result;
  std::optional<std::string> folder = find_in_store(closure, toplevel + "/specialisation");
  if (!folder) return result;
  for (std::string& name : imagefmt::list_folder(closure.host_path(*folder))) {
    std::string path = *folder + '/' + name;
    std::string target = resolve_in_store(closure, path);
    if (!find_store_path(closure, target)) {
      throw Error(
          fmt::format("bad specialisation {}: it leads to {}, which is no store path of "
                      "the closure",
                      in_quotes(path), in_quotes(target)));
    }
    result.push_back({std::move(name), std::move(target)});
  }
  return result;
}

std::string listed_below(std::string text, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) text += fmt::format("\n  {}", path);
  return text;
}

std::string find_toplevel(const Closure& closure, const std::string& folder) {
  std::vector<std::string> systems, named, free;
  for (const StorePathInfo& info : closure.paths) {
    if (is_system(closure, info.path)) systems.push_back(info.path);
  }
  for (const std::string& system : systems) {
    for (Specialisation& specialisation : read_specialisations(closure, system)) {
      if (specialisation.toplevel != system) named.push_back(std::move(specialisation.toplevel));
    }
  }
  for (const std::string& system : systems) {
    if (std::find(named.begin(), named.end(), system) == named.end()) free.push_back(system);
  }
  if (free.size() == 1) return free.front();
  std::string what = fmt::format("cannot find the toplevel of closure '{}'", folder);
  if (systems.empty()) {
    throw Error(what + ": no store path of it holds both 'nixos-version' and 'init'");
  }
  if (free.empty()) {
    throw Error(listed_below(what + ": each of these is a specialisation of another", systems));
  }
  throw Error(listed_below(
      fmt::format("{}: {} store paths hold both 'nixos-version' and 'init'; name one with "
                  "--toplevel:",
                  what, free.size()),
      free));
}

std::string checked_toplevel(const Closure& closure, std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  std::string what = fmt::format("cannot use {} as the toplevel", in_quotes(path));
  if (std::string fault = store_path_fault(path); !fault.empty()) {
    throw Error(fmt::format("{}: {}", what, fault));
  }
  if (!find_store_path(closure, path)) {
    throw Error(what + ": it is not in the closure");
  }
  if (!holds(closure, path, "init")) throw Error(what + ": it holds no 'init'");
  return path;
}

}  // namespace

const StorePathInfo* find_store_path(const Closure& closure, std::string_view path) {
  auto place = std::lower_bound(
      closure.paths.begin(), closure.paths.end(), path,
      [](const StorePathInfo& info, std::string_view key) { return info.path < key; });
  return place != closure.paths.end() && place->path == path ? &*place : nullptr;
}

Closure read_closure(const std::string& folder, const std::string& store_root,
                     const std::optional<std::string>& toplevel) {
  Closure closure;
  closure.store_root = store_root;
  while (!closure.store_root.empty() && closure.store_root.back() == '/') {
    closure.store_root.pop_back();
  }
  const std::string listing = folder + "/store-paths", registration = folder + "/registration";
  std::vector<ListedPath> listed = parse_store_paths(imagefmt::read_file(listing), listing);
  std::vector<RegisteredPath> registered =
      parse_registration(imagefmt::read_file(registration), registration);

  Faults faults;
  check_same_paths(listed, listing, registered, registration, faults);
  check_on_disk(listed, listing, closure.store_root, faults);
  faults.throw_if_any();

  closure.paths.reserve(registered.size());
  for (RegisteredPath& path : registered) closure.paths.push_back(std::move(path.info));
  closure.toplevel =
      toplevel ? checked_toplevel(closure, *toplevel) : find_toplevel(closure, folder);
  closure.specialisations = read_specialisations(closure, closure.toplevel);
  return closure;
}

}  // namespace builder
