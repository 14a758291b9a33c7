// SPDX-License-Identifier: Apache-2.0
//
// From the denials of a log to what would mend each: a label, a boolean, or the narrowest rule.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/audit_log.h"
#include "policy/denied_objects.h"
#include "policy/label.h"
#include "policy/neverallows.h"
#include "policy/rules.h"

namespace policy {

constexpr size_t kMaxDenials = 10'000;  // of one log, repeats merged

/// Messages that tell of the same: contexts, class, object, and whether it was let pass. (Levels are
/// part of it, since a constraint may deny one and not the other.)
struct Denial {
  AvcMessage message;              // the first; its permissions are those of all, sorted
  std::vector<std::string> comms;  // of the processes, each once, in the order of the log
  size_t count = 0, last_line = 0;
};
/// In the order of their first messages. Throws for more than kMaxDenials.
std::vector<Denial> merge_messages(const AuditLog& log);

/// Why, and what would mend it.
struct Cause {
  enum class Kind {
    kGranted,     // nothing was denied
    kUnlabelled,  // the object has no label, or none that says what it is
    kLabel,       // the object has another label than the rules give it
    kDomain,      // the process is in its starter's domain: its program's label leads nowhere
    kRule,        // no rule allows it
    kBoolean,     // a rule would, were a boolean set otherwise
    kXperm,       // the rules allow ioctl, but not this command
    kConstraint,
    kRole,     // the roles may not follow each other
    kBounds,   // the type that bounds the source may not do it
    kUnknown,  // the policy has no such type, class or permission
    kAllowed,  // by this policy
  };
  Kind kind = Kind::kRule;
  std::vector<std::string> permissions;  // sorted
  std::string text;
  std::vector<std::string> mends;    // each alone would do; a CIL statement starts with '('
  std::vector<Neverallow> breaches;  // that the mend would go against
};
/// `granted`, `unlabelled`, `label` …
std::string_view name_of(Cause::Kind kind);

struct JudgedDenial {
  Denial denial;
  DeniedObject object;
  std::optional<Explanation> explanation;  // of the object, where it is one file of the image
  std::vector<FoundFile> programs;
  std::vector<Cause> causes;
};

struct JudgedError {
  SelinuxError error;
  size_t count = 0, last_line = 0;
  std::string text;
  std::vector<std::string> mends;  // as Cause::mends
};

struct DenialReport {
  std::vector<JudgedDenial> denials;
  std::vector<JudgedError> errors;
  std::vector<size_t> damaged_lines;
  /// The statements that were proposed, a line each; those against a neverallow as comments, since
  /// a policy with them does not compile. Empty if there are none.
  std::string cil;
};

/// What the denials are judged by. All of it must outlive the call.
struct DenialInput {
  const imagefmt::FileTree& tree;  // labelled by `labels`
  const LabelInput& labels;
  std::string_view policy_image;
  const PolicyRules& policy;  // of the image
  const Neverallows& neverallows;
  const imagefmt::NumberedTree* image = nullptr;  // null: inode numbers tell nothing
};

DenialReport judge(const AuditLog& log, const DenialInput& input);

}  // namespace policy
