// SPDX-License-Identifier: Apache-2.0
//
// The image's users and groups, from the text of its own /etc/passwd and the like. What the build
// host knows of users is never asked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace policy {

struct ImageUser {
  std::string name;
  uint32_t uid = 0, gid = 0;
  std::string home, shell;
};

struct ImageGroup {
  std::string name;
  uint32_t gid = 0;
  std::vector<std::string> members;
};

struct ImageAccounts {
  std::vector<ImageUser> users;    // in the order of /etc/passwd
  std::vector<ImageGroup> groups;  // in the order of /etc/group
  /// What /etc/shells lists. Empty if the image has no such file: then every shell but `nologin`
  /// and `false` counts as one that people log in with.
  std::vector<std::string> shells;
  /// The folders that home directories are made in (HOME_ROOT of the templates).
  std::vector<std::string> home_roots = {"/home"};
  /// The uids of people, both ends included.
  uint32_t uid_min = 1000, uid_max = 60000;
};

/// The text of the files; an empty one counts as absent.
struct AccountFiles {
  std::string_view passwd;      // /etc/passwd
  std::string_view group;       // /etc/group
  std::string_view shells;      // /etc/shells
  std::string_view login_defs;  // /etc/login.defs: UID_MIN, UID_MAX
  std::string_view useradd;     // /etc/default/useradd: HOME
};

/// Throws one Error with a line a mistake: `cannot read '/etc/passwd' line 3: …`.
ImageAccounts parse_accounts(const AccountFiles& files);

/// For a policy that is compiled without an image: root alone, at home in /root.
ImageAccounts accounts_without_image();

/// Whether `user` is a person: a uid of people and a shell to log in with.
bool is_person(const ImageAccounts& accounts, const ImageUser& user);

const ImageUser* find_user(const ImageAccounts& accounts, std::string_view name);
const ImageGroup* find_group(const ImageAccounts& accounts, std::string_view name);

}  // namespace policy
