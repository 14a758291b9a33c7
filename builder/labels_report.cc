// SPDX-License-Identifier: Apache-2.0
#include "builder/labels_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>

#include "builder/build.h"
#include "builder/store_name.h"
#include "builder/text.h"
#include "imagefmt/dump.h"

namespace builder {

using imagefmt::escape;
using Rows = std::vector<std::string>;

namespace {

std::string or_dash(std::string_view text) {
  return text.empty() ? "-" : escape(text);
}

void add_section(std::string& text, const std::string& title, const Rows& rows) {
  if (!text.empty()) text += '\n';
  text += fmt::format("# {}\n", title);
  for (const std::string& row : rows) (text += row) += '\n';
}

Rows label_rows(const policy::Coverage& coverage) {
  Rows rows;
  for (const auto& [label, inodes] : coverage.by_label) {
    rows.push_back(fmt::format("{}\t{}", inodes, or_dash(label)));
  }
  return rows;
}

/// Where a rule was written; one that a build has added itself is in the image's file alone.
std::string origin_of(const LabelsReport& report, size_t rule) {
  if (report.origins[rule].empty()) return report.contexts.place_of(report.contexts.rules()[rule]);
  return policy::to_string(report.origins[rule].front());
}

std::string module_of(const LabelsReport& report, size_t rule) {
  return report.origins[rule].empty() ? "-" : report.origins[rule].front().module;
}

Rows rule_rows(const LabelsReport& report) {
  Rows rows;
  for (size_t i = 0; i < report.coverage.by_rule.size(); ++i) {
    if (report.coverage.by_rule[i] == 0) continue;
    const policy::ContextRule& rule = report.contexts.rules()[i];
    rows.push_back(fmt::format(
        "{}\t{}\t{}\t{}\t{}{}", report.coverage.by_rule[i], escape_unprintable(rule.pattern),
        or_dash(policy::type_field(rule.type)), rule.context.text(), origin_of(report, i),
        report.coverage.is_catch_all[i] ? "\tcatch-all" : ""));
  }
  return rows;
}

Rows label_rule_rows(const LabelsReport& report) {
  Rows rows;
  for (const policy::LabelRule& rule : report.label_rules.rules()) {
    const uint64_t inodes = report.coverage.by_label_rule[report.label_rules.index_of(rule)];
    if (!rule.labels()) continue;
    rows.push_back(fmt::format("{}\t{}\t{}", inodes, escape_unprintable(rule.text),
                               report.label_rules.place_of(rule)));
  }
  return rows;
}

/// By module: how many of its rules decide nothing, of how many.
Rows idle_rows(const LabelsReport& report) {
  std::map<std::string, std::pair<size_t, size_t>> counts;
  for (size_t i = 0; i < report.coverage.by_rule.size(); ++i) {
    auto& [idle, all] = counts[module_of(report, i)];
    ++all;
    if (report.coverage.by_rule[i] == 0) ++idle;
  }
  Rows rows;
  for (const auto& [module, count] : counts) {
    if (count.first > 0) {
      rows.push_back(fmt::format("{}\t{}\t{}", count.first, count.second, escape(module)));
    }
  }
  return rows;
}

/// By store path; what lies outside of the store is counted for `/`.
Rows caught_rows(const policy::Coverage& coverage) {
  std::map<std::string, uint64_t> counts;
  for (const policy::Coverage::CaughtPath& caught : coverage.caught) {
    const std::string_view store_path = store_path_of(caught.path);
    ++counts[store_path.empty() ? "/" : std::string(store_path)];
  }
  Rows rows;
  for (const auto& [path, inodes] : counts) {
    rows.push_back(fmt::format("{}\t{}", inodes, escape(path)));
  }
  return rows;
}

std::string join_rules(std::span<const policy::MissingAccess> missing) {
  std::string rules;
  for (const policy::MissingAccess& access : missing) rules += ' ' + policy::to_string(access);
  return rules;
}

/// What a person must know of a program beside its domain.
std::string remarks(const EntryPoint& point) {
  Rows remarks;
  if (!point.note.empty()) remarks.push_back(escape_unprintable(point.note));
  if (!point.interpreter.empty()) {
    remarks.push_back(fmt::format("a script of {}", escape(point.interpreter)));
  }
  const policy::Execution& execution = point.execution;
  std::span<const policy::MissingAccess> missing = execution.missing;
  if (!execution.held_from.empty()) {
    remarks.push_back(fmt::format("no_new_privs keeps it from {}, lacking{}", execution.held_from,
                                  join_rules(missing.first(1))));
    missing = missing.subspan(1);
  }
  if (!missing.empty()) remarks.push_back("does not start, lacking" + join_rules(missing));
  return remarks.empty() ? "-" : fmt::format("{}", fmt::join(remarks, "; "));
}

void add_unit_rows(Rows& rows, const std::vector<UnitEntryPoints>& units, std::string_view prefix,
                   Standing standing) {
  for (const UnitEntryPoints& unit : units) {
    for (const EntryPoint& point : unit.entry_points) {
      if (point.standing != standing) continue;
      rows.push_back(fmt::format("{}{}\t{}\t{}\t{}\t{}\t{}", prefix,
                                 escape(unit.unit.location.name.text()), or_dash(point.key),
                                 or_dash(point.program), or_dash(point.label),
                                 or_dash(point.execution.domain), remarks(point)));
    }
  }
}

Rows unit_rows(const EntryPoints& points, Standing standing) {
  Rows rows;
  add_unit_rows(rows, points.system, "", standing);
  add_unit_rows(rows, points.user, "user/", standing);
  return rows;
}

Rows alias_rows(const EntryPoints& points) {
  Rows rows;
  auto add = [&](const std::vector<UnitEntryPoints>& units, std::string_view prefix) {
    for (const UnitEntryPoints& unit : units) {
      for (const std::string& alias : unit.unit.location.aliases) {
        rows.push_back(fmt::format("{}{}\t{}{}", prefix, escape(alias), prefix,
                                   escape(unit.unit.location.name.text())));
      }
    }
  };
  add(points.system, "");
  add(points.user, "user/");
  return rows;
}

size_t count_rules(const policy::Coverage& coverage) {
  return static_cast<size_t>(
      std::ranges::count_if(coverage.by_rule, [](uint64_t inodes) { return inodes > 0; }));
}

}  // namespace

LabelsReport report_labels(const LabelledSystem& system, imagefmt::Reporter& reporter) {
  imagefmt::Stage stage(reporter, "looking at the labels", 0, "inodes");
  const std::string name = fmt::format("policy.{}", system.policy->compiled.version);
  LabelsReport report;
  report.toplevel = system.closure.toplevel;
  report.contexts = system.rules.contexts;
  report.label_rules = system.rules.label_rules;
  report.coverage = policy::measure_coverage(system.tree, system.rules);
  report.entry_points =
      find_entry_points(system.tree, system.closure.toplevel,
                        policy::PolicyRules::from_image(system.policy->compiled.binary, name));
  stage.advance(report.coverage.inodes);
  return report;
}

void find_origins(LabelsReport& report, const LabelledSystem& system, const SystemOptions& options,
                  imagefmt::Reporter& reporter) {
  imagefmt::Stage stage(reporter, "finding the rules' modules", 0, "rules");
  report.origins = policy::find_rule_origins(load_modules(options.policy, options.jobs),
                                             report.contexts, system.home_templates);
  stage.advance(report.origins.size());
}

std::string labels_text(const LabelsReport& report) {
  const policy::Coverage& coverage = report.coverage;
  const EntryPoints& points = report.entry_points;
  std::string text;
  add_section(text, fmt::format("{} inodes by label", coverage.inodes), label_rows(coverage));
  add_section(text,
              fmt::format("inodes by rule: {} of {} rules decide", count_rules(coverage),
                          coverage.by_rule.size()),
              rule_rows(report));
  const Rows by_label_rule = label_rule_rows(report);
  if (!by_label_rule.empty()) add_section(text, "inodes by label rule", by_label_rule);
  add_section(text,
              fmt::format("{} inodes that a catch-all rule alone speaks of, by store path",
                          coverage.caught.size()),
              caught_rows(coverage));
  add_section(text, "rules that decide nothing, of how many, by module", idle_rows(report));
  add_section(text,
              fmt::format("units: systemd runs in {} ({}, {})\n"
                          "# unit, key, program, label, domain, remarks",
                          points.init_domain, points.init, points.init_label),
              unit_rows(points, Standing::kConfined));
  add_section(text,
              fmt::format("units that stay in {}, initrc_t or unconfined_*", points.init_domain),
              unit_rows(points, Standing::kUnconfined));
  add_section(text, "units whose domain cannot be told", unit_rows(points, Standing::kUnknown));
  add_section(text, "other names of units", alias_rows(points));
  return text;
}

}  // namespace builder
