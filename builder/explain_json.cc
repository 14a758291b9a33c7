// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "builder/explain.h"
#include "imagefmt/dump.h"

namespace builder {

namespace {

using imagefmt::escape;
using policy::ContextRule;
using Json = nlohmann::ordered_json;

Json array() {
  return Json::array();
}
Json names(const std::vector<std::string>& paths) {
  Json list = array();
  for (const std::string& path : paths) list.push_back(escape(path));
  return list;
}
Json text_or_null(std::string_view text) {
  return text.empty() ? Json() : Json(text);
}

Json to_json(const ExplainInput& input, const ContextRule& rule) {
  Json json;
  json["pattern"] = rule.pattern;
  json["type"] = text_or_null(policy::type_field(rule.type));
  json["context"] = rule.context.text();
  json["place"] = input.rules.contexts.place_of(rule);
  json["origins"] = array();
  for (const policy::RuleOrigin& origin : origins_of_rule(input, rule)) {
    json["origins"].push_back(
        {{"module", origin.module}, {"file", escape(origin.file)}, {"line", origin.line}});
  }
  return json;
}

Json to_json(const std::vector<policy::MissingAccess>& missing) {
  Json list = array();
  for (const policy::MissingAccess& access : missing) {
    list.push_back({{"rule", to_string(access)}, {"if", text_or_null(access.condition)}});
  }
  return list;
}

Json to_json(const policy::DomainWay& way) {
  return {{"domain", way.entry.domain}, {"source", text_or_null(way.entry.source)},
          {"active", way.entry.active}, {"if", text_or_null(way.entry.condition)},
          {"allows", way.allows},       {"missing", to_json(way.entry.missing)}};
}

Json to_json(const policy::AccessHolders& holders) {
  Json attributes = array();
  for (const auto& attribute : holders.attributes) attributes.push_back(attribute.name);
  return {{"action", holders.action},
          {"class", holders.object_class},
          {"permissions", holders.permissions},
          {"types", holders.types},
          {"attributes", std::move(attributes)},
          {"others", holders.others}};
}

Json to_json(const ExplainInput& input, const PathExplanation& explanation) {
  const policy::Explanation& label = explanation.label;
  const imagefmt::Node& node = *explanation.node;
  Json json;
  json["path"] = escape(explanation.path);
  json["type"] = policy::type_name(policy::type_of(node));
  json["mode"] = fmt::format("{:04o}", node.mode);
  json["target"] = node.symlink() ? Json(escape(explanation.link_target)) : Json();
  json["leads_to"] = text_or_null(escape(explanation.leads_to));
  json["label"] = label.label.text();
  json["reason"] = describe_reason(explanation);
  json["rule"] = label.rule ? to_json(input, *label.rule) : Json();
  json["label_rule"] = Json();
  if (label.label_rule) {
    json["label_rule"] = {{"text", label.label_rule->text},
                          {"place", input.rules.label_rules.place_of(*label.label_rule)}};
  }
  json["place"] = text_or_null(escape(label.place));
  json["other_places"] = names(label.other_places);
  json["links"] = names(label.links);
  json["losers"] = array();
  for (const policy::LosingRule& loser : explanation.losers) {
    json["losers"].push_back(
        {{"at", escape(loser.place)}, {"rule", to_json(input, *loser.rule)}, {"why", loser.why}});
  }
  json["by_init"] = Json();
  if (explanation.by_init) {
    json["by_init"] = {{"source", input.init_domain},
                       {"domain", explanation.by_init->domain},
                       {"missing", to_json(explanation.by_init->missing)}};
  }
  json["domains"] = array();
  for (const policy::DomainWay& way : explanation.domains) json["domains"].push_back(to_json(way));
  json["access"] = array();
  for (const policy::AccessHolders& holders : explanation.access) {
    json["access"].push_back(to_json(holders));
  }
  return json;
}

}  // namespace

std::string to_json(const ExplainInput& input, const std::vector<PathExplanation>& explanations) {
  Json json = array();
  for (const PathExplanation& explanation : explanations) {
    json.push_back(to_json(input, explanation));
  }
  return json.dump(2) + '\n';
}

}  // namespace builder
