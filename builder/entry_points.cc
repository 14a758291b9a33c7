// SPDX-License-Identifier: Apache-2.0
#include "builder/entry_points.h"

#include <fmt/format.h>

#include <algorithm>

#include "builder/links.h"
#include "imagefmt/base/bytes.h"
#include "imagefmt/base/error.h"
#include "policy/contexts.h"

namespace builder {

using imagefmt::Error;
using imagefmt::FileTree;

namespace {

/// Where systemd looks for a program without a path (DEFAULT_PATH); nixpkgs makes that systemd's own
/// bin, which comes last here.
constexpr std::string_view kProgramFolders[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                                "/usr/bin",        "/sbin",          "/bin"};

/// The path after `#!` of a script; empty of anything else.
std::string read_interpreter(const imagefmt::Content& content) {
  constexpr uint64_t kMostRead = 256;  // BINPRM_BUF_SIZE
  std::string start(std::min(content.size_bytes(), kMostRead), '\0');
  content.open()->read({reinterpret_cast<uint8_t*>(start.data()), start.size()});
  if (!start.starts_with("#!")) return {};
  const std::string_view line = std::string_view(start).substr(2, start.find('\n') - 2);
  const size_t first = std::min(line.find_first_not_of(" \t"), line.size());
  const size_t end = line.find_first_of(std::string_view(" \t\r\0", 4), first);
  return std::string(line.substr(first, end - first));
}

class Resolver {
 public:
  Resolver(const FileTree& tree, std::string_view toplevel, const policy::PolicyRules& rules)
      : tree_(tree), toplevel_(toplevel), rules_(rules) {}

  EntryPoints find() {
    EntryPoints points;
    const std::string systemd = join_path(toplevel_, "systemd/lib/systemd/systemd");
    std::optional<Found> init = find_following(tree_, systemd);
    if (!init) throw Error(fmt::format("cannot read '{}': nothing stands there", systemd));
    points.init = init->path;
    points.init_label = init->node->label.text();
    points.init_domain = init_domain_ =
        policy::find_init_domain(rules_, policy::type_in(points.init_label));
    points.system = resolve_all(UnitManager::kSystem);
    points.user = resolve_all(UnitManager::kUser);
    return points;
  }

 private:
  std::vector<UnitEntryPoints> resolve_all(UnitManager manager) const {
    std::vector<UnitEntryPoints> all;
    for (Unit& unit : read_units(tree_, manager)) {
      UnitEntryPoints& resolved = all.emplace_back();
      for (const UnitCommand& command : unit.commands) {
        resolved.entry_points.push_back(resolve(unit, command, manager));
      }
      std::vector<std::string> notes = unit.faults;
      if (unit.commands.empty() && notes.empty()) notes.push_back(describe_emptiness(unit));
      for (std::string& note : notes) {
        resolved.entry_points.emplace_back().note = std::move(note);
      }
      resolved.unit = std::move(unit);
    }
    return all;
  }

  static std::string describe_emptiness(const Unit& unit) {
    if (unit.location.state == UnitLocation::State::kMasked) return "masked";
    if (unit.location.state == UnitLocation::State::kMissing) {
      return fmt::format("its file '{}' is not in the image", unit.location.file);
    }
    return "runs no program";
  }

  EntryPoint resolve(const Unit& unit, const UnitCommand& command, UnitManager manager) const {
    EntryPoint point;
    point.key = command.key;
    point.program = command.program;
    if (!command.fault.empty()) {
      point.note = command.fault;
      return point;
    }
    if (!unit.root.empty()) {
      point.note = fmt::format("it is executed in a root of its own, '{}'", unit.root);
      return point;
    }
    const std::optional<Found> file = find_program(unit, command.program);
    if (!file) {
      point.note = "the program is not in the image";
      return point;
    }
    point.file = file->path;
    point.label = file->node->label.text();
    const imagefmt::Regular* regular = file->node->regular();
    if (!regular || (file->node->mode & 0111) == 0) {
      point.note = "not an executable file";
      return point;
    }
    point.interpreter = read_interpreter(regular->content);
    find_domain(unit, command, manager, point);
    return point;
  }

  void find_domain(const Unit& unit, const UnitCommand& command, UnitManager manager,
                   EntryPoint& point) const {
    const std::string asked(policy::type_in(unit.selinux_context));
    if (manager == UnitManager::kUser) {
      point.execution.domain = asked;
      point.note = "its systemd is a user's, whose login decides the domain";
      return;
    }
    if (!unit.selinux_context.empty() && asked.empty()) {
      point.note = fmt::format("SELinuxContext={}: no context", unit.selinux_context);
      return;
    }
    const bool no_new_privileges = unit.no_new_privileges && !command.privileged;
    try {
      point.execution = policy::find_execution(
          rules_,
          {init_domain_, std::string(policy::type_in(point.label)), asked, no_new_privileges});
    } catch (const Error& error) {
      point.note = fmt::format("SELinuxContext={}: {}", unit.selinux_context, error.what());
      return;
    }
    if (!unit.pam_name.empty()) {
      point.note = fmt::format("its PAM service '{}' may ask for another domain", unit.pam_name);
    }
    point.standing =
        is_unconfined(point.execution.domain) ? Standing::kUnconfined : Standing::kConfined;
  }

  bool is_unconfined(std::string_view domain) const {
    return domain == init_domain_ || domain == "initrc_t" || domain.starts_with("unconfined_");
  }

  std::optional<Found> find_program(const Unit& unit, const std::string& program) const {
    if (program.starts_with('/')) return find_path(program);
    std::vector<std::string> folders = unit.search_path;
    if (folders.empty()) {
      folders.assign(std::begin(kProgramFolders), std::end(kProgramFolders));
      folders.push_back(join_path(toplevel_, "systemd/bin"));
    }
    for (const std::string& folder : folders) {
      std::optional<Found> found = find_path(join_path(folder, program));
      if (found && found->node->regular() && (found->node->mode & 0111)) return found;
    }
    return std::nullopt;
  }

  /// /run/current-system is a link that the first process makes.
  std::optional<Found> find_path(std::string_view path) const {
    for (std::string_view link : {"/run/current-system/", "/run/booted-system/"}) {
      if (path.starts_with(link)) {
        return find_following(tree_, join_path(toplevel_, path.substr(link.size())));
      }
    }
    return find_following(tree_, path);
  }

  const FileTree& tree_;
  const std::string toplevel_;
  const policy::PolicyRules& rules_;
  std::string init_domain_;
};

}  // namespace

EntryPoints find_entry_points(const FileTree& tree, std::string_view toplevel,
                              const policy::PolicyRules& rules) {
  return Resolver(tree, toplevel, rules).find();
}

}  // namespace builder
