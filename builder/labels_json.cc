// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <nlohmann/json.hpp>

#include "builder/private_labels_json.h"
#include "builder/text.h"
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

Json origins_json(const std::vector<policy::RuleOrigin>& origins) {
  Json array = Json::array();
  for (const policy::RuleOrigin& origin : origins) {
    array.push_back(
        {{"module", name(origin.module)}, {"file", name(origin.file)}, {"line", origin.line}});
  }
  return array;
}

Json rule_json(const LabelsReport& report, size_t index) {
  const policy::ContextRule& rule = report.contexts.rules()[index];
  return {{"pattern", escape_unprintable(rule.pattern)},
          {"type", text_or_null(policy::type_field(rule.type))},
          {"label", name(rule.context.text())},
          {"place", report.contexts.place_of(rule)},
          {"origins", origins_json(report.origins[index])}};
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

Json label_rules_json(const LabelsReport& report) {
  Json rules = Json::array();
  for (const policy::LabelRule& rule : report.label_rules.rules()) {
    if (!rule.labels()) continue;
    rules.push_back({{"rule", escape_unprintable(rule.text)},
                     {"place", report.label_rules.place_of(rule)},
                     {"inodes", report.coverage.by_label_rule[report.label_rules.index_of(rule)]}});
  }
  return rules;
}

/// The rules that decide nothing, by the module that each is of first; "" of those of none.
Json idle_json(const LabelsReport& report) {
  std::map<std::string, Json> modules;
  for (size_t i = 0; i < report.coverage.by_rule.size(); ++i) {
    if (report.coverage.by_rule[i] != 0) continue;
    const std::vector<policy::RuleOrigin>& origins = report.origins[i];
    Json& rules = modules.try_emplace(origins.empty() ? "" : origins.front().module, Json::array())
                      .first->second;
    rules.push_back(rule_json(report, i));
  }
  Json idle = Json::array();
  for (auto& [module, rules] : modules) {
    idle.push_back({{"module", text_or_null(module)}, {"rules", std::move(rules)}});
  }
  return idle;
}

Json caught_json(const LabelsReport& report) {
  Json caught = Json::array();
  for (const policy::Coverage::CaughtPath& path : report.coverage.caught) {
    const policy::ContextRule& rule = report.contexts.rules()[path.rule];
    caught.push_back({{"path", name(path.path)}, {"pattern", escape_unprintable(rule.pattern)}});
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
  return {
      {"key", text_or_null(point.key)},
      {"program", text_or_null(point.program)},
      {"file", text_or_null(point.file)},
      {"interpreter", text_or_null(point.interpreter)},
      {"label", text_or_null(point.label)},
      {"domain", text_or_null(point.execution.domain)},
      {"standing", standing_name(point.standing)},
      {"starts", point.standing == Standing::kUnknown ? Json() : Json(point.execution.starts())},
      {"held_from", text_or_null(point.execution.held_from)},
      {"missing", std::move(missing)},
      {"note", point.note.empty() ? Json() : Json(escape_unprintable(point.note))}};
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
  json["by_label_rule"] = label_rules_json(report);
  json["caught_by_catch_all"] = caught_json(report);
  json["idle_rules"] = idle_json(report);
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
