// SPDX-License-Identifier: Apache-2.0
#include "builder/accounts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "imagefmt/base/error.h"

namespace builder {

using imagefmt::Faults;

namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t start = 0;;) {
    size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == text.npos ? end : end - start));
    if (end == text.npos) return parts;
    start = end + 1;
  }
}

std::optional<uint32_t> parse_id(std::string_view text) {
  uint32_t id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return id;
}

/// Calls `read(line_name, fields)` for each line that is neither empty nor a comment, if it has
/// `count` fields.
template <class Read>
void for_each_record(std::string_view text, std::string_view name, size_t count, Faults& faults,
                     Read read) {
  size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    std::string place = fmt::format("{}:{}", name, number);
    std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() != count) {
      faults.add(fmt::format("{}: expected {} fields, found {}", place, count, fields.size()));
      continue;
    }
    read(place, fields);
  }
}

std::string serialize_ranges(const Accounts& accounts, std::vector<IdRange> User::*ranges) {
  std::string text;
  for (const User& user : accounts.users) {
    for (const IdRange& range : user.*ranges) {
      text += fmt::format("{}:{}:{}\n", user.name, range.start, range.count);
    }
  }
  return text.empty() ? "\n" : text;
}

}  // namespace

std::optional<uint32_t> Accounts::find_uid(std::string_view name) const {
  for (const User& user : users) {
    if (user.name == name) return user.uid;
  }
  return std::nullopt;
}

std::optional<uint32_t> Accounts::find_gid(std::string_view name) const {
  for (const Group& group : groups) {
    if (group.name == name) return group.gid;
  }
  return std::nullopt;
}

void sort_accounts(Accounts& accounts) {
  std::sort(accounts.users.begin(), accounts.users.end(), [](const User& a, const User& b) {
    return std::tie(a.uid, a.name) < std::tie(b.uid, b.name);
  });
  std::sort(accounts.groups.begin(), accounts.groups.end(), [](const Group& a, const Group& b) {
    return std::tie(a.gid, a.name) < std::tie(b.gid, b.name);
  });
}

std::string_view account_field_fault(std::string_view text) {
  if (text.find(':') != text.npos) return "holds a ':'";
  if (text.find('\n') != text.npos) return "holds a newline";
  if (text.find('\0') != text.npos) return "holds a NUL byte";
  return {};
}

std::string serialize_passwd(const Accounts& accounts) {
  std::string text;
  for (const User& user : accounts.users) {
    text += fmt::format("{}:x:{}:{}:{}:{}:{}\n", user.name, user.uid, user.gid, user.description,
                        user.home, user.shell);
  }
  return text;
}

std::string serialize_group(const Accounts& accounts) {
  std::string text;
  for (const Group& group : accounts.groups) {
    text += fmt::format("{}:x:{}:{}\n", group.name, group.gid, fmt::join(group.members, ","));
  }
  return text;
}

std::string serialize_shadow(const Accounts& accounts) {
  std::string text;
  for (const User& user : accounts.users) {
    text += fmt::format("{}:{}:1:::::{}:\n", user.name, user.password, user.expires);
  }
  return text;
}

std::string serialize_subuid(const Accounts& accounts) {
  return serialize_ranges(accounts, &User::subordinate_uids);
}
std::string serialize_subgid(const Accounts& accounts) {
  return serialize_ranges(accounts, &User::subordinate_gids);
}

Accounts parse_passwd_and_group(std::string_view passwd, std::string_view passwd_name,
                                std::string_view group, std::string_view group_name) {
  Accounts accounts;
  Faults faults;
  for_each_record(passwd, passwd_name, 7, faults,
                  [&](const std::string& place, const std::vector<std::string_view>& fields) {
                    std::optional<uint32_t> uid = parse_id(fields[2]), gid = parse_id(fields[3]);
                    if (!uid) faults.add(fmt::format("{}: bad uid '{}'", place, fields[2]));
                    if (!gid) faults.add(fmt::format("{}: bad gid '{}'", place, fields[3]));
                    if (!uid || !gid) return;
                    User user;
                    user.name = fields[0];
                    user.uid = *uid;
                    user.gid = *gid;
                    user.description = fields[4];
                    user.home = fields[5];
                    user.shell = fields[6];
                    accounts.users.push_back(std::move(user));
                  });
  for_each_record(group, group_name, 4, faults,
                  [&](const std::string& place, const std::vector<std::string_view>& fields) {
                    std::optional<uint32_t> gid = parse_id(fields[2]);
                    if (!gid) {
                      faults.add(fmt::format("{}: bad gid '{}'", place, fields[2]));
                      return;
                    }
                    Group entry{std::string(fields[0]), *gid, {}};
                    if (!fields[3].empty()) {
                      for (std::string_view member : split(fields[3], ',')) {
                        entry.members.emplace_back(member);
                      }
                    }
                    accounts.groups.push_back(std::move(entry));
                  });
  faults.throw_if_any();
  sort_accounts(accounts);
  return accounts;
}

}  // namespace builder
