// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "builder/private_labels_json.h"
#include "imagefmt/dump.h"

namespace builder {

using Json = nlohmann::ordered_json;

namespace {

/// A name that may hold any byte, as `inspect` prints it: JSON is UTF-8.
std::string name(std::string_view text) {
  return imagefmt::escape(text);
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json() : Json(imagefmt::escape(text));
}

Json rule_json(const LabelsReport& report, size_t index) {
  const policy::ContextRule& rule = report.contexts.rules()[index];
  return {{"pattern", name(rule.pattern)},
          {"type", text_or_null(policy::type_field(rule.type))},
          {"label", name(rule.context.text())},
          {"place", report.contexts.place_of(rule)}};
}

Json rules_json(const LabelsReport& report) {
  Json rules = Json::array();
  for (size_t i = 0; i < report.coverage.by_rule.size(); ++i) {
    if (report.coverage.by_rule[i] == 0) continue;
    Json rule = rule_json(report, i);
    rule["catch_all"] = static_cast<bool>(report.coverage.is_catch_all[i]);
    rule["inodes"] = report.coverage.by_rule[i];
    rules.push_back(std::move(rule));
  }
  return rules;
}

Json caught_json(const LabelsReport& report) {
  Json caught = Json::array();
  for (const policy::Coverage::CaughtPath& path : report.coverage.caught) {
    const policy::ContextRule& rule = report.contexts.rules()[path.rule];
    caught.push_back({{"path", name(path.path)}, {"pattern", name(rule.pattern)}});
  }
  return caught;
}

const char* standing_name(Standing standing) {
  switch (standing) {
    case Standing::kConfined:
      return "confined";
    case Standing::kUnconfined:
      return "unconfined";
    case Standing::kUnknown:
      break;
  }
  return "unknown";
}

Json command_json(const EntryPoint& point) {
  Json missing = Json::array();
  for (const policy::MissingAccess& access : point.execution.missing) {
    missing.push_back(policy::to_string(access));
  }
  return {{"key", text_or_null(point.key)},
          {"program", text_or_null(point.program)},
          {"file", text_or_null(point.file)},
          {"interpreter", text_or_null(point.interpreter)},
          {"label", text_or_null(point.label)},
          {"domain", text_or_null(point.execution.domain)},
          {"standing", standing_name(point.standing)},
          {"held_from", text_or_null(point.execution.held_from)},
          {"missing", std::move(missing)},
          {"note", text_or_null(point.note)}};
}

Json names(const std::vector<std::string>& texts) {
  Json array = Json::array();
  for (const std::string& text : texts) array.push_back(name(text));
  return array;
}

Json unit_json(const UnitEntryPoints& entry, const char* manager) {
  const UnitLocation& location = entry.unit.location;
  Json commands = Json::array();
  for (const EntryPoint& point : entry.entry_points) commands.push_back(command_json(point));
  return {{"name", name(location.name.text())},
          {"manager", manager},
          {"file", text_or_null(location.file)},
          {"drop_ins", names(location.drop_ins)},
          {"aliases", names(location.aliases)},
          {"selinux_context", text_or_null(entry.unit.selinux_context)},
          {"no_new_privileges", entry.unit.no_new_privileges},
          {"commands", std::move(commands)}};
}

}  // namespace

Json labels_json(const LabelsReport& report) {
  Json labels = Json::object();
  for (const auto& [label, inodes] : report.coverage.by_label) labels[label] = inodes;
  Json units = Json::array();
  for (const UnitEntryPoints& unit : report.entry_points.system) {
    units.push_back(unit_json(unit, "system"));
  }
  for (const UnitEntryPoints& unit : report.entry_points.user) {
    units.push_back(unit_json(unit, "user"));
  }
  Json json;
  json["toplevel"] = report.toplevel;
  json["inodes"] = report.coverage.inodes;
  json["by_label"] = std::move(labels);
  json["by_rule"] = rules_json(report);
  json["caught_by_catch_all"] = caught_json(report);
  json["systemd"] = {{"file", report.entry_points.init},
                     {"label", report.entry_points.init_label},
                     {"domain", report.entry_points.init_domain}};
  json["units"] = std::move(units);
  return json;
}

std::string labels_json_text(const LabelsReport& report) {
  return labels_json(report).dump(2) + '\n';
}

}  // namespace builder
