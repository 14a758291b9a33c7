// SPDX-License-Identifier: Apache-2.0
#include "builder/closure.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/resolve.h"
#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;

namespace {

bool holds(const Closure& closure, std::string_view store_path, std::string_view name) {
  return closure.store.find(fmt::format("{}/{}", store_path, name)) != nullptr;
}

bool is_system(const Closure& closure, std::string_view store_path) {
  return holds(closure, store_path, "nixos-version") && holds(closure, store_path, "init");
}

std::vector<Specialisation> read_specialisations(const Closure& closure,
                                                 const std::string& toplevel) {
  std::vector<Specialisation> result;
  std::optional<std::string> folder = find_in_store(closure, toplevel + "/specialisation");
  if (!folder) return result;
  const imagefmt::Directory* entries = closure.store.find(*folder)->directory();
  if (!entries) {
    throw Error(fmt::format("cannot list '{}/specialisation': not a folder", toplevel));
  }
  for (const imagefmt::Entry& entry : entries->entries) {
    std::string path = *folder + '/' + entry.name;
    std::string target = resolve_in_store(closure, path);
    if (!find_store_path(closure.paths, target)) {
      throw Error(
          fmt::format("bad specialisation {}: it leads to {}, which is no store path of "
                      "the closure",
                      in_quotes(path), in_quotes(target)));
    }
    result.push_back({entry.name, std::move(target)});
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

std::string checked_toplevel(const Closure& closure, const std::string& path) {
  std::string what = fmt::format("cannot use {} as the toplevel", in_quotes(path));
  if (std::string fault = store_path_fault(path); !fault.empty()) {
    throw Error(fmt::format("{}: {}", what, fault));
  }
  if (!find_store_path(closure.paths, path)) {
    throw Error(what + ": it is not in the closure");
  }
  if (!holds(closure, path, "init")) throw Error(what + ": it holds no 'init'");
  return path;
}

}  // namespace

Closure read_closure(const std::string& source, const ClosureOptions& given) {
  ClosureOptions options = given;
  while (options.toplevel.size() > 1 && options.toplevel.back() == '/') options.toplevel.pop_back();
  StoreContents contents = read_closure_source(source, options);
  Closure closure;
  closure.paths = std::move(contents.paths);
  closure.store.insert(kStoreFolder, imagefmt::Node(std::move(contents.store), 0755));
  closure.toplevel = options.toplevel.empty() ? find_toplevel(closure, source)
                                              : checked_toplevel(closure, options.toplevel);
  closure.specialisations = read_specialisations(closure, closure.toplevel);
  return closure;
}

}  // namespace builder
