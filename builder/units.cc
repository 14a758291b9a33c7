// SPDX-License-Identifier: Apache-2.0
#include "builder/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "builder/links.h"
#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Error;
using imagefmt::FileTree;

namespace {

constexpr uint64_t kMaxUnitFile = 16 << 20;

/// The keys that hold commands, by the kind of unit, in the order in which they run.
struct ExecKeys {
  std::string_view type, section;
  std::vector<std::string_view> keys;
};

const ExecKeys* find_exec_keys(std::string_view type) {
  static const ExecKeys kKinds[] = {
      {"service",
       "Service",
       {"ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost", "ExecReload",
        "ExecReloadPost", "ExecStop", "ExecStopPost"}},
      {"socket", "Socket", {"ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"}}};
  const ExecKeys* found = std::ranges::find(kKinds, type, &ExecKeys::type);
  return found == std::end(kKinds) ? nullptr : found;
}

/// Each implies no_new_privs where the unit has a user of its own (systemd.exec(5),
/// NoNewPrivileges=).
constexpr std::string_view kSandboxKeys[] = {"LockPersonality",
                                             "MemoryDenyWriteExecute",
                                             "PrivateDevices",
                                             "ProtectClock",
                                             "ProtectHostname",
                                             "ProtectKernelLogs",
                                             "ProtectKernelModules",
                                             "ProtectKernelTunables",
                                             "RestrictAddressFamilies",
                                             "RestrictNamespaces",
                                             "RestrictRealtime",
                                             "RestrictSUIDSGID",
                                             "SystemCallArchitectures",
                                             "SystemCallFilter",
                                             "SystemCallLog"};

/// Puts a unit's assignments into effect, one after the other.
class Settings {
 public:
  explicit Settings(Unit& unit) : unit_(unit), kind_(*find_exec_keys(unit.location.name.type)) {}

  /// Reads a whole file, up to what systemd refuses.
  void apply(std::string_view text, const std::string& name) {
    const UnitFile file = parse_unit_file(text);
    for (const Assignment& assignment : file.assignments) {
      if (assignment.section != kind_.section) continue;
      try {
        set(assignment.key, assignment.value);
      } catch (const Error& error) {
        unit_.faults.push_back(fmt::format("{}: line {}: {}: {}", name, assignment.line,
                                           assignment.key, error.what()));
        return;
      }
    }
    if (!file.fault.empty()) unit_.faults.push_back(fmt::format("{}: {}", name, file.fault));
  }

  void finish() {
    const bool sandboxed =
        std::ranges::any_of(sandbox_, [](const auto& setting) { return setting.second; });
    unit_.no_new_privileges = no_new_privileges_ || dynamic_user_ || (own_user_ && sandboxed);
    for (std::string_view key : kind_.keys) {
      std::ranges::move(commands_[key], std::back_inserter(unit_.commands));
    }
  }

 private:
  void set(const std::string& key, const std::string& value) {
    const bool on = !value.empty() && parse_unit_boolean(value).value_or(true);
    const auto exec_key = std::ranges::find(kind_.keys, key);
    if (exec_key != kind_.keys.end()) {
      add_commands(*exec_key, value);
    } else if (key == "SELinuxContext") {
      unit_.selinux_context = value.substr(value.starts_with('-') ? 1 : 0);
    } else if (key == "RootDirectory" || key == "RootImage") {
      unit_.root = value == "/" ? "" : value;
    } else if (key == "ExecSearchPath") {
      add_search_path(value);
    } else if (key == "PAMName") {
      unit_.pam_name = value;
    } else if (key == "NoNewPrivileges") {
      no_new_privileges_ = on;
    } else if (key == "DynamicUser") {
      dynamic_user_ = on;
    } else if (key == "User") {
      own_user_ = !value.empty() && value != "root" && value != "0";
    } else if (std::ranges::find(kSandboxKeys, key) != std::end(kSandboxKeys)) {
      sandbox_[key] = on;
    }
  }

  void add_commands(std::string_view key, const std::string& value) {
    if (value.empty()) commands_[key].clear();
    for (ExecCommand& command : parse_exec(value)) {
      UnitCommand added{std::string(key), std::move(command.program), {}, command.privileged};
      try {
        added.program = resolve_specifiers(added.program, unit_.location.name);
      } catch (const Error& error) {
        added.fault = error.what();
      }
      commands_[key].push_back(std::move(added));
    }
  }

  void add_search_path(std::string_view value) {
    if (value.empty()) unit_.search_path.clear();
    for (size_t start = 0; start < value.size();) {
      const size_t end = std::min(value.find(':', start), value.size());
      if (end > start) unit_.search_path.emplace_back(value.substr(start, end - start));
      start = end + 1;
    }
  }

  Unit& unit_;
  const ExecKeys& kind_;
  bool no_new_privileges_ = false, dynamic_user_ = false, own_user_ = false;
  std::map<std::string, bool> sandbox_;
  std::map<std::string_view, std::vector<UnitCommand>> commands_;
};

}  // namespace

std::vector<Unit> read_units(const FileTree& tree, UnitManager manager) {
  auto has_programs = [](std::string_view type) { return find_exec_keys(type) != nullptr; };
  std::vector<Unit> units;
  for (UnitLocation& location : find_units(tree, manager, has_programs)) {
    Unit unit;
    unit.location = std::move(location);
    if (unit.location.state == UnitLocation::State::kFound) {
      Settings settings(unit);
      settings.apply(read_text_at(tree, unit.location.file, kMaxUnitFile), unit.location.file);
      for (const std::string& file : unit.location.drop_ins) {
        settings.apply(read_text_at(tree, file, kMaxUnitFile), file);
      }
      settings.finish();
    }
    const bool needs_programs = unit.location.name.type == "service" || !unit.faults.empty();
    if (needs_programs || !unit.commands.empty()) units.push_back(std::move(unit));
  }
  return units;
}

}  // namespace builder
