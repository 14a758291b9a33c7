// SPDX-License-Identifier: Apache-2.0
//
// Private to policy/denials.cc: why one access was denied.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decisions.h"
#include "policy/denials.h"

namespace policy {

/// `self` if both are one type.
std::string_view self_or(std::string_view source, std::string_view target);
/// `(allow S T (class (a b)))`
std::string allow_statement(std::string_view source, std::string_view target,
                            std::string_view object_class,
                            const std::vector<std::string>& permissions);

class CauseFinder {
 public:
  explicit CauseFinder(const DenialInput& input);

  /// Sets `explanation` and `causes`.
  void find(JudgedDenial& judged, const Decisions& decisions);

 private:
  const Explanation& explanation_of(const std::string& path);
  bool is_unlabelled(const std::string& type) const;
  std::optional<Cause> find_label_fault(JudgedDenial& judged);
  std::optional<Cause> find_label_fault_of_image(JudgedDenial& judged, const std::string& type);
  std::optional<Cause> find_label_fault_at_run_time(const JudgedDenial& judged,
                                                    const std::string& type) const;
  std::optional<Cause> find_domain_fault(const JudgedDenial& judged);
  std::set<std::string> types_for_program(const FoundFile& program, const std::string& source);
  const std::vector<DomainEntry>& domains_of(const std::string& exec_type);
  Cause judge_permission(const AvcMessage& message, const std::string& permission,
                         const Decision& decision) const;
  Cause judge_missing_rule(const AvcMessage& message, const std::string& permission) const;
  std::optional<Cause> find_xperm_fault(const AvcMessage& message) const;
  void add_breaches(Cause& cause, const std::string& source, const std::string& target,
                    const std::string& object_class) const;

  const DenialInput& input_;
  const PolicyTables& tables_;
  std::map<std::string, Explanation> explanations_;          // by path
  std::map<std::string, std::vector<DomainEntry>> domains_;  // by the type of the program
};

JudgedError judge_error(const SelinuxError& error, const PolicyRules& policy);

}  // namespace policy
