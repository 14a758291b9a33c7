// SPDX-License-Identifier: Apache-2.0
//
// The users and groups of an image, and the files of /etc that hold them (passwd(5), group(5),
// shadow(5), subuid(5)).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace builder {

struct IdRange {
  uint32_t start = 0, count = 0;
};

struct User {
  std::string name;
  uint32_t uid = 0, gid = 0;
  std::string description, home, shell;
  std::string password = "!";  // the second field of shadow(5): "!" lets no password in
  std::string expires;         // the eighth: days since 1970, or empty
  bool create_home = false;
  uint16_t home_mode = 0700;
  std::vector<IdRange> subordinate_uids, subordinate_gids;
};

struct Group {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;  // sorted, each once
};

/// Sorted by number, then name, as NixOS writes the files; so they do not depend on where the
/// accounts came from.
struct Accounts {
  std::vector<User> users;
  std::vector<Group> groups;
  /// What the source asked for and an image cannot hold.
  std::vector<std::string> warnings;

  std::optional<uint32_t> find_uid(std::string_view name) const;
  std::optional<uint32_t> find_gid(std::string_view name) const;
};

void sort_accounts(Accounts& accounts);

std::string serialize_passwd(const Accounts& accounts);
std::string serialize_group(const Accounts& accounts);
/// The day of the last change is 1, as NixOS writes it.
std::string serialize_shadow(const Accounts& accounts);
/// A range a line; a lone newline if there is none, as NixOS writes it.
std::string serialize_subuid(const Accounts& accounts);
std::string serialize_subgid(const Accounts& accounts);

/// Reads what passwd(5) and group(5) hold: for an image whose /etc comes with accounts of its own.
/// `name` stands in messages: `<name>:<line>: <reason>`. All mistakes are thrown as one Error.
Accounts parse_passwd_and_group(std::string_view passwd, std::string_view passwd_name,
                                std::string_view group, std::string_view group_name);

/// The text of a file of the image, or no value if it is not in the image.
using FindText = std::function<std::optional<std::string>(const std::string& path)>;

/// The accounts that NixOS's activation makes on a first boot from `users-groups.json`
/// (nixos/modules/config/update-users-groups.pl, users-groups.nix): ids that are null are taken in
/// the order of the file, from 999 down for groups and system users, from 1000 up for others.
/// `find_text` is asked for each hashedPasswordFile. Throws `<name>: …` with every mistake.
Accounts parse_users_groups(std::string_view json, std::string_view name,
                            const FindText& find_text);

/// A file of sysusers.d(5).
struct SysusersFile {
  std::string path;  // for messages
  std::string text;
};
/// The accounts that systemd-sysusers makes on a root without any. `files` is in the order in which
/// they are read. Specifiers (`%b`) other than `%%` are a mistake: they stand for the running
/// system. Throws `<path>:<line>: <reason>` with every mistake.
Accounts parse_sysusers(const std::vector<SysusersFile>& files);

/// Why `text` cannot be a field of passwd(5); empty if it can.
std::string_view account_field_fault(std::string_view text);

}  // namespace builder
