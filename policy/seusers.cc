// SPDX-License-Identifier: Apache-2.0
#include "policy/seusers.h"

#include <fmt/format.h>

#include <set>

#include "imagefmt/base/error.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;
using imagefmt::Faults;

std::vector<SelinuxLogin> parse_seusers(std::string_view text) {
  std::vector<SelinuxLogin> logins;
  Faults faults;
  for_each_line(text, [&](std::string_view line, size_t number) {
    if (is_comment(line)) return;
    // A range has colons of its own: s0-s0:c0.c1023.
    const auto fields = split(trim(line), ':', 3);
    bool whole = fields.size() >= 2;
    for (std::string_view field : fields) {
      whole = whole && !field.empty() && field.find_first_of(kBlanks) == std::string_view::npos;
    }
    if (!whole) {
      faults.add(
          fmt::format("cannot read 'seusers' line {}: expected 'login:user[:range]', found '{}'",
                      number, line));
      return;
    }
    logins.push_back({std::string(fields[0]), std::string(fields[1]),
                      std::string(fields.size() > 2 ? fields[2] : "")});
  });
  faults.throw_if_any();
  return logins;
}

std::string serialize_seusers(const std::vector<SelinuxLogin>& logins) {
  std::string text;
  for (const SelinuxLogin& login : logins) {
    text += login.login + ':' + login.user;
    if (!login.range.empty()) text += ':' + login.range;
    text += '\n';
  }
  return text;
}

void apply_user_prefixes(std::string_view text, std::vector<SelinuxUser>& users) {
  for_each_line(text, [&](std::string_view line, size_t number) {
    if (is_comment(line)) return;
    auto fields = split_blanks(line);
    if (fields.size() != 4 || fields[0] != "user" || fields[2] != "prefix" ||
        fields[3].size() < 2 || fields[3].back() != ';') {
      throw Error(fmt::format(
          "cannot read the user prefixes line {}: expected 'user NAME prefix PREFIX;', found '{}'",
          number, line));
    }
    fields[3].remove_suffix(1);
    for (SelinuxUser& user : users) {
      if (user.name == fields[1]) user.prefix = fields[3];
    }
  });
}

void check_seusers(const std::vector<SelinuxLogin>& logins, const PolicyDb& policy) {
  Faults faults;
  std::set<std::string_view> seen;
  for (const SelinuxLogin& login : logins) {
    auto fault = [&](std::string_view reason) {
      faults.add(fmt::format("cannot map login '{}': {}", login.login, reason));
    };
    if (!seen.insert(login.login).second) fault("it is mapped twice");
    const SelinuxUser* user = policy.find_user(login.user);
    if (!user) {
      fault(fmt::format("the policy has no SELinux user '{}'", login.user));
    } else if (policy.mls() && login.range.empty()) {
      fault("the policy is MLS, and the mapping has no range");
    } else if (!policy.mls() && !login.range.empty()) {
      fault(fmt::format("the mapping has range '{}', and the policy is not MLS", login.range));
    } else if (policy.mls() && !policy.range_contains(user->range, login.range)) {
      fault(fmt::format("range '{}' is not within '{}', which SELinux user '{}' has", login.range,
                        user->range, login.user));
    }
  }
  faults.throw_if_any();
}

}  // namespace policy
