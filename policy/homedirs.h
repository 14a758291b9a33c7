// SPDX-License-Identifier: Apache-2.0
//
// The rules for home directories: templates of the policy, expanded for the image's users. It is
// what libsemanage 3.4's genhomedircon does on the machine that it runs on (genhomedircon.c,
// semanage_split_fc in semanage_store.c), with these differences:
//   - users, groups, shells and uids are the image's;
//   - a user's name and home stand for themselves: characters that mean something in a regular
//     expression, and bytes that libselinux would not read, are written so that they do not.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/accounts.h"
#include "policy/seusers.h"

namespace policy {

struct SplitFileContexts {
  std::string rules;      // what needs no user: file_contexts
  std::string templates;  // HOME_DIR, HOME_ROOT, ROLE, USER, %{USERID}, %{USERNAME}
};

/// Splits what cil_filecons_to_string gives. A line with ROLE or USER anywhere is a template.
SplitFileContexts split_file_contexts(std::string_view file_contexts);

struct HomeRules {
  std::string text;                    // file_contexts.homedirs
  std::vector<std::string> templates;  // of each rule in `text`, the line that it was made of
  std::vector<std::string> warnings;   // rules and users that were left out, each with the reason
};

/// Whether a context (`user:role:type[:range]`) can be a label under the policy.
using ContextCheck = std::function<bool(const std::string&)>;

/// Expands the templates for `[^/]+` with what `__default__` is mapped to, then for each login that
/// `logins` names and the image has. `users` are the policy's SELinux users with their prefixes. A
/// line whose context would be invalid is left out with a warning.
///
/// Throws if a login belongs to two mapped groups, if a template has no context, or if a rule of
/// the policy is no regular expression.
HomeRules expand_home_directories(const SplitFileContexts& contexts,
                                  const std::vector<SelinuxLogin>& logins,
                                  const std::vector<SelinuxUser>& users, bool mls,
                                  const ImageAccounts& accounts, const ContextCheck& is_valid);

}  // namespace policy
