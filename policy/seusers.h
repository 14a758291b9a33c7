// SPDX-License-Identifier: Apache-2.0
//
// Which SELinux user each login gets (`seusers`), and what the policy says of its SELinux users.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/policydb.h"

namespace policy {

/// A line of `seusers`: `login:user[:range]`. The login is a name, `%group`, or `__default__`.
struct SelinuxLogin {
  std::string login, user;
  std::string range;  // empty if the policy is not MLS
};

/// Reads what cil_selinuxusers_to_string gives, which is the form of the file itself. Throws one
/// Error with a line a mistake.
std::vector<SelinuxLogin> parse_seusers(std::string_view text);
std::string serialize_seusers(const std::vector<SelinuxLogin>& logins);

/// Sets the prefixes that cil_userprefixes_to_string gives (`user NAME prefix PREFIX;`) for the
/// users that they name; the others keep theirs.
void apply_user_prefixes(std::string_view text, std::vector<SelinuxUser>& users);

/// Throws one Error that names each login which the policy cannot serve: mapped twice, to an
/// unknown SELinux user, with a range that is missing or exceeds the user's.
void check_seusers(const std::vector<SelinuxLogin>& logins, const PolicyDb& policy);

}  // namespace policy
