// SPDX-License-Identifier: Apache-2.0
#include "policy/denials.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "imagefmt/base/error.h"
#include "policy/decisions.h"
#include "policy/denial_causes.h"

namespace policy {

namespace {

constexpr size_t kMostComms = 16;

/// What tells objects apart. A number of a pipe or a socket, and one that a file got at run time,
/// says nothing beside a name.
std::string object_key(const AvcMessage& message) {
  const std::string path = message.path.substr(0, message.path.find(":["));
  const bool numbered = message.inode && message.path.empty();
  return fmt::format("{}\n{}\n{}\n{}\n{}", path, message.path.empty() ? message.name : "",
                     message.dev, numbered ? *message.inode : 0, fmt::join(message.details, " "));
}

/// The statements of all proposals, the permissions of one source, target and class together.
class Proposals {
 public:
  void add(const JudgedDenial& judged) {
    for (const Cause& cause : judged.causes) {
      for (const std::string& mend : cause.mends) {
        if (!mend.starts_with('(')) continue;
        if (!cause.breaches.empty()) {
          refused_.emplace(mend, describe(cause.breaches.front()));
        } else if (cause.kind == Cause::Kind::kRule) {
          auto& permissions =
              allowed_[{std::string(type_in(judged.denial.message.source)),
                        target_in(judged.denial.message), judged.denial.message.object_class}];
          permissions.insert(cause.permissions.begin(), cause.permissions.end());
        } else {
          others_.insert(mend);
        }
      }
    }
  }
  void add(const JudgedError& judged) {
    for (const std::string& mend : judged.mends) {
      if (mend.starts_with('(')) others_.insert(mend);
    }
  }

  std::string text() const {
    std::string cil;
    for (const auto& [key, permissions] : allowed_) {
      const auto& [source, target, object_class] = key;
      cil +=
          allow_statement(source, target, object_class, {permissions.begin(), permissions.end()}) +
          '\n';
    }
    for (const std::string& other : others_) cil += other + '\n';
    for (const auto& [mend, breach] : refused_) {
      cil += fmt::format("; against {}:\n; {}\n", breach, mend);
    }
    return cil;
  }

 private:
  static std::string describe(const Neverallow& rule) {
    return fmt::format("`{}` ({}:{})", rule.text, rule.module, rule.line);
  }
  static std::string target_in(const AvcMessage& message) {
    return std::string(self_or(type_in(message.source), type_in(message.target)));
  }

  std::map<std::tuple<std::string, std::string, std::string>, std::set<std::string>> allowed_;
  std::set<std::string> others_;
  std::map<std::string, std::string> refused_;
};

std::vector<JudgedError> judge_errors(const AuditLog& log, const PolicyRules& policy) {
  std::vector<JudgedError> judged;
  std::map<std::string, size_t> known;
  for (const SelinuxError& error : log.errors) {
    auto [place, is_new] = known.emplace(error.text, judged.size());
    if (is_new) {
      if (judged.size() >= kMaxDenials) {
        throw imagefmt::Error(fmt::format("more than {} different errors", kMaxDenials));
      }
      judged.push_back(judge_error(error, policy));
    }
    JudgedError& entry = judged[place->second];
    ++entry.count;
    entry.last_line = error.line;
  }
  return judged;
}

}  // namespace

std::string_view name_of(Cause::Kind kind) {
  constexpr std::string_view kNames[] = {"granted", "unlabelled", "label",   "domain",
                                         "rule",    "boolean",    "xperm",   "constraint",
                                         "role",    "bounds",     "unknown", "allowed"};
  return kNames[static_cast<size_t>(kind)];
}

std::vector<Denial> merge_messages(const AuditLog& log) {
  std::vector<Denial> denials;
  std::map<std::string, size_t> known;
  for (const AvcMessage& message : log.messages) {
    const std::string key = fmt::format("{}{}{}\n{}\n{}\n{}\n{}", message.granted,
                                        message.user_space, message.permissive, message.source,
                                        message.target, message.object_class, object_key(message));
    auto [place, is_new] = known.emplace(key, denials.size());
    if (is_new) {
      if (denials.size() >= kMaxDenials) {
        throw imagefmt::Error(
            fmt::format("line {}: more than {} different denials", message.line, kMaxDenials));
      }
      denials.push_back({message, {}, 0, 0});
    }
    Denial& denial = denials[place->second];
    ++denial.count;
    denial.last_line = message.line;
    if (denial.message.exe.empty()) denial.message.exe = message.exe;
    if (denial.message.name.empty()) denial.message.name = message.name;
    std::vector<std::string>& permissions = denial.message.permissions;
    permissions.insert(permissions.end(), message.permissions.begin(), message.permissions.end());
    std::ranges::sort(permissions);
    permissions.erase(std::unique(permissions.begin(), permissions.end()), permissions.end());
    if (!message.comm.empty() && denial.comms.size() < kMostComms &&
        std::ranges::find(denial.comms, message.comm) == denial.comms.end()) {
      denial.comms.push_back(message.comm);
    }
  }
  return denials;
}

DenialReport judge(const AuditLog& log, const DenialInput& input) {
  DenialReport report;
  report.damaged_lines = log.damaged_lines;
  const DeniedObjects objects(input.tree, input.image, log.messages);
  std::vector<AccessQuery> queries;
  for (Denial& denial : merge_messages(log)) {
    const AvcMessage& message = denial.message;
    queries.push_back({message.source, message.target, message.object_class, message.permissions});
    JudgedDenial judged;
    judged.object = objects.object_of(message);
    judged.programs =
        objects.programs_of(message.user_space ? std::string() : message.exe, message.comm);
    judged.denial = std::move(denial);
    report.denials.push_back(std::move(judged));
  }
  std::vector<Decisions> decisions;
  if (!queries.empty()) decisions = decide(input.policy_image, "policy", queries);
  CauseFinder finder(input);
  Proposals proposals;
  for (size_t i = 0; i < report.denials.size(); ++i) {
    finder.find(report.denials[i], decisions.at(i));
    proposals.add(report.denials[i]);
  }
  report.errors = judge_errors(log, input.policy);
  for (const JudgedError& error : report.errors) proposals.add(error);
  report.cil = proposals.text();
  return report;
}

}  // namespace policy
