// SPDX-License-Identifier: Apache-2.0
#include "policy/decisions.h"

#include <sepol/policydb/services.h>
#include <sepol/sepol.h>

#include <algorithm>

#include "policy/isolated.h"
#include "policy/sepol.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;

namespace {

// What the child hands back: for each query either kUnknown and a text, or for each permission a
// line with the bits of its reasons and then, behind tabs, the constraints.
constexpr char kUnknown = '?';
constexpr std::string_view kConstraintDenied = "; Constraint DENIED";

/// `constrain …; Constraint DENIED` one after the other, each over several lines.
std::string constraints_in(std::string lines_of_text) {
  std::ranges::replace(lines_of_text, '\n', ' ');
  std::string_view text = lines_of_text;
  std::string lines;
  while (true) {
    const size_t end = text.find(kConstraintDenied);
    std::string constraint;
    for (std::string_view word : split_blanks(text.substr(0, end))) {
      if (!constraint.empty()) constraint += ' ';
      constraint += word;
    }
    if (!constraint.empty()) lines += '\t' + constraint;
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + kConstraintDenied.size());
  }
}

std::string decide_in_child(const AccessQuery& query) {
  auto sid_of = [](const std::string& context, sepol_security_id_t& sid) {
    return sepol_context_to_sid(context.c_str(), context.size() + 1, &sid) == 0;
  };
  sepol_security_id_t source = 0, target = 0;
  sepol_security_class_t object_class = 0;
  auto unknown = [](std::string_view what, std::string_view name) {
    return fmt::format("{}unknown {} '{}'", kUnknown, what, name);
  };
  if (!sid_of(query.source, source)) return unknown("context", query.source);
  if (!sid_of(query.target, target)) return unknown("context", query.target);
  if (sepol_string_to_security_class(query.object_class.c_str(), &object_class)) {
    return unknown("class", query.object_class);
  }
  std::string answer;
  for (const std::string& permission : query.permissions) {
    sepol_access_vector_t wanted = 0;
    if (sepol_string_to_av_perm(object_class, permission.c_str(), &wanted)) {
      return unknown(fmt::format("permission of class '{}'", query.object_class), permission);
    }
    sepol_av_decision decision{};
    unsigned reasons = 0;
    char* constraints = nullptr;
    if (sepol_compute_av_reason_buffer(source, target, object_class, wanted, &decision, &reasons,
                                       &constraints, 0)) {
      throw Error(fmt::format("cannot decide an access: {}", take_printed()));
    }
    sepol::Malloced owned(constraints);
    answer += static_cast<char>('0' + reasons);
    if (constraints) answer += constraints_in(constraints);
    answer += '\n';
  }
  return answer;
}

Decisions read_answer(std::string_view answer) {
  Decisions decisions;
  if (answer.starts_with(kUnknown)) {
    decisions.unknown = answer.substr(1);
    return decisions;
  }
  for_each_line(answer, [&](std::string_view line, size_t) {
    const std::vector<std::string_view> parts = split(line, '\t');
    const unsigned reasons = static_cast<unsigned>(parts[0].at(0) - '0');
    Decision decision{.no_rule = (reasons & SEPOL_COMPUTEAV_TE) != 0,
                      .constrained = (reasons & SEPOL_COMPUTEAV_CONS) != 0,
                      .role_denied = (reasons & SEPOL_COMPUTEAV_RBAC) != 0,
                      .out_of_bounds = (reasons & SEPOL_COMPUTEAV_BOUNDS) != 0,
                      .constraints = {}};
    decision.constraints.assign(parts.begin() + 1, parts.end());
    decisions.by_permission.push_back(std::move(decision));
  });
  return decisions;
}

}  // namespace

std::vector<Decisions> decide(std::string_view policy_image, std::string_view name,
                              const std::vector<AccessQuery>& queries) {
  const std::string action = fmt::format("cannot read policy '{}'", name);
  IsolationLimits limits = limits_for_reading(policy_image.size());
  limits.memory_bytes += queries.size() * 4096;
  const std::vector<std::string> answers = run_isolated(action, limits, [&] {
    // libsepol only reads through this pointer.
    FILE* file = fmemopen(const_cast<char*>(policy_image.data()), policy_image.size(), "r");
    if (!file) imagefmt::throw_errno("open a stream in memory");
    if (sepol_set_policydb_from_file(file)) {
      throw Error(fmt::format("{}: {}", action, take_printed()));
    }
    std::vector<std::string> strings;
    for (const AccessQuery& query : queries) strings.push_back(decide_in_child(query));
    return strings;
  });
  std::vector<Decisions> decisions;
  for (const std::string& answer : answers) decisions.push_back(read_answer(answer));
  return decisions;
}

}  // namespace policy
