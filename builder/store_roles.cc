// SPDX-License-Identifier: Apache-2.0
//
// Roles of store paths: what a NixOS toplevel and its /etc link to (nixpkgs,
// nixos/modules/system/activation/top-level.nix, system/etc/etc.nix, nixos/lib/systemd-lib.nix).
#include <algorithm>
#include <map>

#include "builder/closure.h"
#include "builder/resolve.h"
#include "builder/store_name.h"

namespace builder {

using policy::StorePathRole;

namespace {

class RoleFinder {
 public:
  explicit RoleFinder(const Closure& closure) : closure_(closure) {}

  std::vector<policy::StorePath> find() {
    std::vector<std::string> systems = {closure_.toplevel};
    for (const Specialisation& special : closure_.specialisations) {
      systems.push_back(special.toplevel);
    }
    // The first role that a path gets is the one it keeps, so the surest come first.
    for (const std::string& system : systems) assign(system, StorePathRole::kToplevel);
    for (const std::string& system : systems) {
      assign_target(system + "/etc", StorePathRole::kEtc);
      assign_target(system + "/sw", StorePathRole::kSystemPath);
      assign_target(system + "/kernel", StorePathRole::kKernel);
      assign_target(system + "/kernel-modules", StorePathRole::kKernelModules);
      assign_target(system + "/initrd", StorePathRole::kInitrd);
      assign_target(system + "/firmware", StorePathRole::kFirmware);
      assign_target(system + "/etc/systemd/system", StorePathRole::kSystemUnits);
      assign_target(system + "/etc/systemd/user", StorePathRole::kUserUnits);
    }
    for (const std::string& system : systems) {
      for (const char* units : {"/etc/systemd/system", "/etc/systemd/user"}) {
        Resolution farm = resolve(closure_, system + units);
        if (farm.end == Resolution::End::kFound) assign_units(farm.path);
      }
      Resolution etc = resolve(closure_, system + "/etc");
      if (etc.end == Resolution::End::kFound) assign_etc_entries(etc.path);
    }

    std::vector<policy::StorePath> result;
    result.reserve(closure_.paths.size());
    for (const StorePathInfo& info : closure_.paths) {
      auto role = roles_.find(info.path);
      result.push_back({std::string(base_name_of(info.path)),
                        role == roles_.end() ? StorePathRole::kPackage : role->second});
    }
    return result;
  }

 private:
  void assign(std::string_view store_path, StorePathRole role) {
    if (find_store_path(closure_.paths, store_path))
      roles_.try_emplace(std::string(store_path), role);
  }

  void assign_target(const std::string& link, StorePathRole role) {
    Resolution target = resolve(closure_, link);
    if (target.end == Resolution::End::kFound) assign(store_path_of(target.path), role);
  }

  /// Calls `visit(path)` for each link below `folder`, folders' links included.
  template <class Visit>
  void for_each_link(const std::string& folder, const Visit& visit) {
    const imagefmt::Directory* entries = closure_.store.find(folder)->directory();
    if (!entries) return;
    for (const imagefmt::Entry& entry : entries->entries) {
      const std::string path = folder + '/' + entry.name;
      if (entry.node.symlink()) visit(path);
      if (entry.node.directory()) for_each_link(path, visit);
    }
  }

  /// Calls `visit(store_path, path)` for each store path that a link leads to or through.
  template <class Visit>
  void for_each_stop(const std::string& link, const Visit& visit) {
    Resolution target = resolve(closure_, link);
    std::vector<std::string> stops(std::move(target.links));
    if (target.end == Resolution::End::kFound) stops.push_back(std::move(target.path));
    for (const std::string& stop : stops) visit(store_path_of(stop), std::string_view(stop));
  }

  /// NixOS makes a store path for each text of environment.etc, and modules make `etc-…` ones; what
  /// lies inside an ordinary package stays that package's.
  void assign_etc_entries(const std::string& etc) {
    for_each_link(etc, [this](const std::string& link) {
      for_each_stop(link, [this](std::string_view store_path, std::string_view stop) {
        if (stop == store_path || package_name_of(store_path).substr(0, 4) == "etc-") {
          assign(store_path, StorePathRole::kEtcEntry);
        }
      });
    });
  }

  /// A store path that has a linked unit at its very top holds nothing but it.
  void assign_units(const std::string& farm) {
    for_each_link(farm, [this](const std::string& link) {
      for_each_stop(link, [this](std::string_view store_path, std::string_view stop) {
        if (stop.rfind('/') == store_path.size()) assign(store_path, StorePathRole::kUnit);
      });
    });
  }

  const Closure& closure_;
  std::map<std::string, StorePathRole, std::less<>> roles_;
};

}  // namespace

std::vector<policy::StorePath> store_path_roles(const Closure& closure) {
  return RoleFinder(closure).find();
}

}  // namespace builder
