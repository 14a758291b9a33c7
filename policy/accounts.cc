// SPDX-License-Identifier: Apache-2.0
#include "policy/accounts.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "imagefmt/base/error.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Faults;

namespace {

std::optional<uint32_t> parse_id(std::string_view text) {
  uint32_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Calls `take(fields)` for each record of a file of colon-separated ones. `take` returns what is
/// wrong with the record, empty if nothing.
template <class Take>
void parse_records(std::string_view text, const char* file, size_t field_count, Faults& faults,
                   Take take) {
  for_each_line(text, [&](std::string_view line, size_t number) {
    if (is_comment(line)) return;
    const auto fields = split(line, ':');
    std::string wrong;
    if (fields.size() != field_count) {
      wrong = fmt::format("expected {} fields, found {}", field_count, fields.size());
    } else if (fields[0].empty()) {
      wrong = "the name is empty";
    } else {
      wrong = take(fields);
    }
    if (!wrong.empty())
      faults.add(fmt::format("cannot read '{}' line {}: {}", file, number, wrong));
  });
}

std::vector<std::string> parse_shells(std::string_view text) {
  std::vector<std::string> shells;
  for_each_line(text, [&](std::string_view line, size_t) {
    if (!is_comment(line)) shells.emplace_back(trim(line));
  });
  return shells;
}

/// The uids of login.defs; a name that is not set keeps its value.
void parse_login_defs(std::string_view text, ImageAccounts& accounts, Faults& faults) {
  for_each_line(text, [&](std::string_view line, size_t number) {
    const auto fields = split_blanks(line);
    if (fields.empty() || (fields[0] != "UID_MIN" && fields[0] != "UID_MAX")) return;
    const auto id = fields.size() > 1 ? parse_id(fields[1]) : std::nullopt;
    if (!id) {
      faults.add(fmt::format("cannot read '/etc/login.defs' line {}: {} is not a number", number,
                             fields[0]));
    } else {
      (fields[0] == "UID_MIN" ? accounts.uid_min : accounts.uid_max) = *id;
    }
  });
}

void parse_useradd(std::string_view text, ImageAccounts& accounts) {
  for_each_line(text, [&](std::string_view line, size_t) {
    constexpr std::string_view kHome = "HOME=";
    line = trim(line);
    if (line.substr(0, kHome.size()) != kHome) return;
    line.remove_prefix(kHome.size());
    while (line.size() > 1 && line.back() == '/') line.remove_suffix(1);
    if (line.size() > 1 && line.front() == '/') accounts.home_roots = {std::string(line)};
  });
}

}  // namespace

ImageAccounts parse_accounts(const AccountFiles& files) {
  ImageAccounts accounts;
  Faults faults;
  parse_records(files.passwd, "/etc/passwd", 7, faults, [&](const auto& fields) -> std::string {
    const auto uid = parse_id(fields[2]), gid = parse_id(fields[3]);
    if (!uid) return fmt::format("bad uid '{}'", fields[2]);
    if (!gid) return fmt::format("bad gid '{}'", fields[3]);
    accounts.users.push_back(
        {std::string(fields[0]), *uid, *gid, std::string(fields[5]), std::string(fields[6])});
    return {};
  });
  parse_records(files.group, "/etc/group", 4, faults, [&](const auto& fields) -> std::string {
    const auto gid = parse_id(fields[2]);
    if (!gid) return fmt::format("bad gid '{}'", fields[2]);
    ImageGroup group{std::string(fields[0]), *gid, {}};
    for (std::string_view member : split(fields[3], ',')) {
      if (!trim(member).empty()) group.members.emplace_back(trim(member));
    }
    accounts.groups.push_back(std::move(group));
    return {};
  });
  accounts.shells = parse_shells(files.shells);
  parse_login_defs(files.login_defs, accounts, faults);
  parse_useradd(files.useradd, accounts);
  faults.throw_if_any();
  return accounts;
}

ImageAccounts accounts_without_image() {
  ImageAccounts accounts;
  accounts.users.push_back({"root", 0, 0, "/root", "/bin/sh"});
  return accounts;
}

bool is_person(const ImageAccounts& accounts, const ImageUser& user) {
  if (user.uid < accounts.uid_min || user.uid > accounts.uid_max) return false;
  const std::string_view base =
      std::string_view(user.shell).substr(user.shell.find_last_of('/') + 1);
  // Listed or not: /etc/shells of some systems has nologin, for FTP servers' sake.
  if (base == "nologin") return false;
  if (accounts.shells.empty()) return base != "false";
  return std::find(accounts.shells.begin(), accounts.shells.end(), user.shell) !=
         accounts.shells.end();
}

const ImageUser* find_user(const ImageAccounts& accounts, std::string_view name) {
  for (const ImageUser& user : accounts.users) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

const ImageGroup* find_group(const ImageAccounts& accounts, std::string_view name) {
  for (const ImageGroup& group : accounts.groups) {
    if (group.name == name) return &group;
  }
  return nullptr;
}

}  // namespace policy
