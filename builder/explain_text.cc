// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "builder/explain.h"
#include "builder/text.h"
#include "policy/rule_text.h"

namespace builder {

namespace {

using policy::ContextRule;
using policy::DomainWay;
using policy::Explanation;

constexpr size_t kMostNames = 8;  // of a list, without --all

class Writer {
 public:
  Writer(const ExplainInput& input, bool all) : input_(input), all_(all) {}

  void write(const PathExplanation& explanation) {
    if (!text_.empty()) text_ += '\n';
    write_head(explanation);
    write_label(explanation);
    write_losers(explanation);
    write_domains(explanation);
    write_access(explanation);
  }
  std::string take() { return std::move(text_); }

 private:
  void line(size_t indent, std::string_view text) {
    text_ += fmt::format("{:{}}{}\n", "", indent, escape_controls(text));
  }
  void field(std::string_view name, std::string_view text) {
    line(2, fmt::format("{:<11}{}", name, text));
  }
  /// `a, b, c`, or without --all the first ones and `and 7 more`.
  std::string list(const std::vector<std::string>& names) const {
    const size_t shown = all_ || names.size() <= kMostNames + 1 ? names.size() : kMostNames;
    std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
    if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
    return text;
  }

  void write_head(const PathExplanation& explanation) {
    const imagefmt::Node& node = *explanation.node;
    std::string head = fmt::format("{}: {}, mode {:04o}", explanation.path,
                                   policy::type_name(policy::type_of(node)), node.mode);
    if (node.symlink()) {
      head += fmt::format(", to '{}', {}", explanation.link_target,
                          explanation.leads_to.empty()
                              ? "which the image does not have"
                              : fmt::format("which is {}", explanation.leads_to));
    }
    line(0, head);
  }

  static std::string rule_text(const ContextRule& rule) {
    const std::string_view type = policy::type_field(rule.type);
    return fmt::format("{} {}{}{}", rule.pattern, type, type.empty() ? "" : " ",
                       rule.context.text());
  }
  std::vector<std::string> origins_of(const ContextRule& rule) const {
    std::vector<std::string> lines;
    for (const policy::RuleOrigin& origin : origins_of_rule(input_, rule)) {
      lines.push_back(fmt::format("module {}: {}", origin.module, to_string(origin)));
    }
    if (lines.empty()) lines.push_back("of no module: " + input_.rules.contexts.place_of(rule));
    return lines;
  }

  void write_label(const PathExplanation& explanation) {
    const Explanation& label = explanation.label;
    field("label", label.label.text());
    field("reason", describe_reason(explanation));
    if (label.label_rule) {
      field("store rule",
            fmt::format("{}: {}", input_.rules.label_rules.place_of(*label.label_rule),
                        label.label_rule->text));
    }
    if (label.rule) {
      field("rule", rule_text(*label.rule));
      for (const std::string& origin : origins_of(*label.rule)) field("", origin);
    }
    if (!label.place.empty()) field("place", label.place);
    for (const std::string& place : label.other_places) field("also at", place);
    for (const std::string& link : label.links) field("link", link);
  }

  void write_losers(const PathExplanation& explanation) {
    if (explanation.losers.empty()) return;
    line(2, "rules that lost");
    std::string_view place;
    for (const policy::LosingRule& loser : explanation.losers) {
      if (loser.place != place) line(4, loser.place);
      place = loser.place;
      line(6, rule_text(*loser.rule));
      for (const std::string& origin : origins_of(*loser.rule)) line(8, origin);
      line(8, "lost: " + loser.why);
    }
  }

  void write_domains(const PathExplanation& explanation) {
    if (explanation.by_init) write_init(*explanation.by_init);
    if (explanation.domains.empty()) return;
    line(2, "domains entered by executing it");
    std::vector<std::string> asked_for;
    for (size_t i = 0; i < explanation.domains.size();) {
      const std::string& domain = explanation.domains[i].entry.domain;
      std::vector<const DomainWay*> ways;
      for (; i < explanation.domains.size() && explanation.domains[i].entry.domain == domain; ++i) {
        ways.push_back(&explanation.domains[i]);
      }
      if (ways[0]->entry.source.empty()) {
        asked_for.push_back(domain);
        if (all_) write_ways(ways);
      } else {
        write_ways(ways);
      }
    }
    if (asked_for.empty()) return;
    line(2, fmt::format("domains entered only if asked for (setexeccon): {}", list(asked_for)));
  }

  void write_init(const policy::Execution& execution) {
    std::string text = execution.domain == input_.init_domain
                           ? fmt::format("it stays {}", execution.domain)
                           : fmt::format("it becomes {}", execution.domain);
    if (!execution.missing.empty()) text += ", but that is not allowed";
    line(2, fmt::format("executed by the first process ({}): {}", input_.init_domain, text));
    write_missing(execution.missing);
  }

  void write_missing(const std::vector<policy::MissingAccess>& missing) {
    for (const policy::MissingAccess& access : missing) {
      line(8, fmt::format("missing: {}{}", to_string(access),
                          access.condition.empty()
                              ? ""
                              : fmt::format(" (there is a rule if {})", access.condition)));
    }
  }

  void write_ways(const std::vector<const DomainWay*>& ways) {
    line(4, ways[0]->entry.domain);
    std::vector<std::string> plain;
    std::vector<const DomainWay*> special;
    for (const DomainWay* way : ways) {
      const bool is_plain = !all_ && way->entry.missing.empty() && way->entry.condition.empty();
      is_plain ? plain.push_back(way->entry.source) : special.push_back(way);
    }
    if (!plain.empty()) line(6, fmt::format("from {}: all that it needs is allowed", list(plain)));
    for (const DomainWay* way : special) {
      const policy::DomainEntry& entry = way->entry;
      std::string text =
          entry.source.empty() ? "if asked for (setexeccon)" : fmt::format("from {}", entry.source);
      if (!entry.condition.empty()) {
        text += fmt::format(", if {} (now {})", entry.condition, entry.active ? "on" : "off");
      }
      line(6, text + (entry.missing.empty() ? ": all that it needs is allowed" : ""));
      if (all_) {
        for (const std::string& allow : way->allows) line(8, allow);
      }
      write_missing(entry.missing);
    }
  }

  void write_access(const PathExplanation& explanation) {
    if (explanation.access.empty()) return;
    line(2, "who may");
    for (const policy::AccessHolders& holders : explanation.access) {
      std::string text = fmt::format("{} ({} {}): {} type{}", holders.action, holders.object_class,
                                     policy::braced(holders.permissions), holders.types.size(),
                                     holders.types.size() == 1 ? "" : "s");
      if (!holders.types.empty()) text += ": " + describe(holders);
      line(4, text);
    }
  }

  std::string describe(const policy::AccessHolders& holders) const {
    if (all_) return list(holders.types);
    std::vector<std::string> names;
    for (const auto& attribute : holders.attributes) {
      names.push_back(fmt::format("{} ({} types)", attribute.name, attribute.types));
    }
    names.insert(names.end(), holders.others.begin(), holders.others.end());
    return list(names);
  }

  const ExplainInput& input_;
  const bool all_;
  std::string text_;
};

}  // namespace

std::string describe_reason(const PathExplanation& explanation) {
  const Explanation& label = explanation.label;
  switch (label.reason) {
    case Explanation::Reason::kSkeleton:
      return fmt::format("the store's own layout, which is labelled as '{}' is", label.place);
    case Explanation::Reason::kFolder:
      return "its rule is <<none>>: the label of the folder that it lies in";
    case Explanation::Reason::kLabelRule:
      return "a label rule";
    case Explanation::Reason::kRule:
      break;
  }
  if (label.place == explanation.path) return "the rule for its own path";
  const bool is_link = std::ranges::find(label.links, label.place) != label.links.end();
  return is_link ? "the rule for where the root links to it" : "the rule for its place in the FHS";
}

const std::vector<policy::RuleOrigin>& origins_of_rule(const ExplainInput& input,
                                                       const ContextRule& rule) {
  const std::span<const ContextRule> rules = input.rules.contexts.rules();
  auto same = std::ranges::find_if(rules, [&](const ContextRule& other) {
    return other.file == rule.file && other.line == rule.line;
  });
  return input.origins.at(static_cast<size_t>(same - rules.begin()));
}

std::string to_text(const ExplainInput& input, const std::vector<PathExplanation>& explanations,
                    bool all) {
  Writer writer(input, all);
  for (const PathExplanation& explanation : explanations) writer.write(explanation);
  return writer.take();
}

}  // namespace builder
