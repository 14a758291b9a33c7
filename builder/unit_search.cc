// SPDX-License-Identifier: Apache-2.0
#include "builder/unit_search.h"

#include <algorithm>
#include <map>

#include "builder/links.h"
#include "builder/resolve.h"

namespace builder {

using imagefmt::Directory;
using imagefmt::Entry;
using imagefmt::FileTree;
using State = UnitLocation::State;

namespace {

/// The first counts most. A root of NixOS has the first alone, and what lies in /run is made at boot.
constexpr std::string_view kSearchPath[] = {"/etc/systemd/", "/usr/local/lib/systemd/",
                                            "/lib/systemd/", "/usr/lib/systemd/"};

struct Folder {
  std::string path;  // without links
  const Directory* directory;
};

std::optional<Folder> find_folder(const FileTree& tree, std::string_view path) {
  std::optional<Found> found = find_following(tree, path);
  if (!found || !found->node->directory()) return std::nullopt;
  return Folder{std::move(found->path), found->node->directory()};
}

struct File {
  State state = State::kMissing;
  std::string path;
};

/// The file that an entry of a folder leads to. A link to /dev/null is told apart from one that leads
/// nowhere: an image has no /dev/null.
File follow(const FileTree& tree, Folder folder, const Entry& entry) {
  const Entry* at = &entry;
  for (size_t links = 0; at->node.symlink(); ++links) {
    const std::string& target = at->node.symlink()->target;
    const std::string path = target.starts_with('/') ? target : join_path(folder.path, target);
    if (path == "/dev/null") return {State::kMasked, path};
    const size_t slash = path.rfind('/');
    std::optional<Folder> next = find_folder(tree, path.substr(0, slash + 1));
    at = next ? find_entry(*next->directory, path.substr(slash + 1)) : nullptr;
    if (!at || links == kMaxLinks) return {State::kMissing, path};
    folder = *std::move(next);
  }
  File file{State::kMissing, join_path(folder.path, at->name)};
  if (const imagefmt::Regular* regular = at->node.regular()) {
    file.state = regular->content.size_bytes() == 0 ? State::kMasked : State::kFound;
  }
  return file;
}

/// The names whose folders NAME.d count for a unit, the most specific first: its own, its template's,
/// then what stands before each dash.
std::vector<std::string> drop_in_names(UnitName name) {
  std::vector<std::string> names;
  while (true) {
    names.push_back(name.text());
    if (name.is_instance()) names.push_back(name.template_name());
    // A dash at the end is the one of the round before.
    const size_t length = name.prefix.size();
    const size_t dash = length < 2 ? std::string::npos : name.prefix.rfind('-', length - 2);
    if (dash == std::string::npos) return names;
    name.prefix.resize(dash + 1);
  }
}

class Search {
 public:
  Search(const FileTree& tree, UnitManager manager) : tree_(tree) {
    const std::string name = manager == UnitManager::kUser ? "user" : "system";
    // Above all others: what `systemctl set-property` and the like leave.
    add_folder("/etc/systemd/" + name + ".control");
    for (std::string_view above : kSearchPath) add_folder(std::string(above) + name);
  }

  std::vector<UnitLocation> find(const std::function<bool(std::string_view)>& is_wanted) {
    for (const Folder& folder : folders_) {
      for (const Entry& entry : folder.directory->entries) {
        std::optional<UnitName> name = UnitName::parse(entry.name);
        if (name && is_wanted(name->type) && !entry.node.directory()) add(folder, entry, *name);
      }
    }
    for (const Folder& folder : folders_) {
      for (const Entry& entry : folder.directory->entries) add_instance(entry.name);
    }
    add_aliases();
    std::vector<UnitLocation> units;
    for (auto& [name, unit] : units_) {
      unit.drop_ins = find_drop_ins(unit);
      units.push_back(std::move(unit));
    }
    return units;
  }

 private:
  void add_folder(const std::string& path) {
    std::optional<Folder> folder = find_folder(tree_, path);
    if (folder && !is_searched(folder->path)) folders_.push_back(*std::move(folder));
  }

  bool is_searched(std::string_view path) const {
    return std::ranges::find(folders_, path, &Folder::path) != folders_.end();
  }

  /// The name that an entry is another name of: of a link into the search path, that of what it leads
  /// to. Any other link leads to the unit's own file, whatever that is called.
  std::string aliased_name(const Folder& folder, const Entry& entry) const {
    if (!entry.node.symlink()) return {};
    const std::string& target = entry.node.symlink()->target;
    const std::string path = target.starts_with('/') ? target : join_path(folder.path, target);
    const size_t slash = path.rfind('/');
    std::optional<Folder> next = find_folder(tree_, path.substr(0, slash + 1));
    return next && is_searched(next->path) ? path.substr(slash + 1) : std::string();
  }

  void add(const Folder& folder, const Entry& entry, const UnitName& name) {
    if (units_.contains(entry.name) || aliases_.contains(entry.name)) return;
    const std::string aliased = aliased_name(folder, entry);
    if (aliased == entry.name) return;  // the search will come to it
    if (!aliased.empty()) {
      aliases_.emplace(entry.name, aliased);
      return;
    }
    File file = follow(tree_, folder, entry);
    units_.emplace(entry.name, UnitLocation{name, file.state, std::move(file.path), {}, {}});
  }

  /// An instance whose template is here, and which has drop-ins of its own.
  void add_instance(std::string_view folder_name) {
    if (!folder_name.ends_with(".d")) return;
    std::optional<UnitName> name = UnitName::parse(folder_name.substr(0, folder_name.size() - 2));
    if (!name || !name->is_instance() || aliases_.contains(name->text())) return;
    auto base = units_.find(name->template_name());
    if (base == units_.end() || units_.contains(name->text())) return;
    UnitLocation unit = base->second;
    unit.name = *name;
    units_.emplace(name->text(), std::move(unit));
  }

  /// Gives each alias to its unit. One that leads to none is a unit whose file is missing.
  void add_aliases() {
    std::map<std::string, UnitLocation> strays;
    for (const auto& [alias, target] : aliases_) {
      std::string end = target;
      for (size_t links = 0; links < kMaxLinks && aliases_.contains(end); ++links) {
        end = aliases_.at(end);
      }
      const UnitName name = *UnitName::parse(alias);
      auto unit = units_.find(end);
      if (unit != units_.end() && unit->second.name.type == name.type) {
        unit->second.aliases.push_back(alias);
      } else {
        strays.emplace(alias, UnitLocation{name, State::kMissing, target, {}, {}});
      }
    }
    units_.merge(strays);
  }

  std::vector<std::string> find_drop_ins(const UnitLocation& unit) const {
    // Of files of one name, the one of the first folder counts; they are read by name.
    std::map<std::string, File> files;
    auto add_from = [&](const Folder& folder, const std::string& name) {
      std::optional<Folder> drop_ins = find_folder(tree_, join_path(folder.path, name + ".d"));
      if (!drop_ins) return;
      for (const Entry& entry : drop_ins->directory->entries) {
        if (!entry.name.ends_with(".conf") || entry.name.starts_with('.')) continue;
        File file = follow(tree_, *drop_ins, entry);
        if (file.state != State::kMissing) files.try_emplace(entry.name, std::move(file));
      }
    };
    std::vector<std::string> names = {unit.name.text()};
    names.insert(names.end(), unit.aliases.begin(), unit.aliases.end());
    for (const std::string& name : names) {
      const std::optional<UnitName> parsed = UnitName::parse(name);
      for (const Folder& folder : folders_) {
        for (const std::string& with_drop_ins : drop_in_names(*parsed)) {
          add_from(folder, with_drop_ins);
        }
      }
    }
    for (const Folder& folder : folders_) add_from(folder, unit.name.type);
    std::vector<std::string> paths;
    for (auto& [name, file] : files) {
      if (file.state == State::kFound) paths.push_back(std::move(file.path));
    }
    return paths;
  }

  const FileTree& tree_;
  std::vector<Folder> folders_;
  std::map<std::string, UnitLocation> units_;
  std::map<std::string, std::string> aliases_;
};

}  // namespace

std::vector<UnitLocation> find_units(const FileTree& tree, UnitManager manager,
                                     const std::function<bool(std::string_view)>& is_wanted) {
  return Search(tree, manager).find(is_wanted);
}

}  // namespace builder
