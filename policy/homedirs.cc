// SPDX-License-Identifier: Apache-2.0
#include "policy/homedirs.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>
#include <set>

#include "imagefmt/base/error.h"
#include "imagefmt/base/handle.h"
#include "policy/text_lines.h"

namespace policy {

using imagefmt::Error;
using imagefmt::Handle;

namespace {

constexpr std::string_view kHomeDir = "HOME_DIR", kHomeRoot = "HOME_ROOT";
constexpr std::string_view kUser = "USER", kRole = "ROLE";
constexpr std::string_view kUserName = "%{USERNAME}", kUserId = "%{USERID}";
constexpr std::string_view kDefaultLogin = "__default__";
constexpr std::string_view kAnyName = "[^/]+", kAnyId = "[0-9]+";
constexpr std::string_view kNone = "<<none>>";

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}
bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool is_template(std::string_view line) {
  return starts_with(line, kHomeDir) || starts_with(line, kHomeRoot) || contains(line, kRole) ||
         contains(line, kUser);
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  while (true) {
    const size_t at = text.find(from);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += to;
    text.remove_prefix(at + from.size());
  }
}

/// `text` as a regular expression that matches nothing else, in bytes that libselinux reads: it
/// refuses blanks, even escaped, and what is not printable ASCII.
std::string literal(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f) {
      pattern += fmt::format("[\\x{:02x}]", byte);
    } else {
      if (contains(".^$?*+|[](){}\\", std::string_view(&c, 1))) pattern += '\\';
      pattern += c;
    }
  }
  return pattern;
}

/// The templates by the passes that use them.
struct Templates {
  std::vector<std::string_view> home_dir, home_root, user_name, user;
  bool name_users = false;  // some line has USER, %{USERNAME} or %{USERID}
};

Templates sort_templates(std::string_view text, std::vector<std::string>& warnings) {
  Templates templates;
  for_each_line(text, [&](std::string_view line, size_t) {
    const bool named = contains(line, kUserName) || contains(line, kUserId);
    templates.name_users |= contains(line, kUser) || named;
    if (starts_with(line, kHomeDir)) {
      templates.home_dir.push_back(line);
    } else if (starts_with(line, kHomeRoot)) {
      templates.home_root.push_back(line);
    } else if (named) {
      templates.user_name.push_back(line);
    } else if (contains(line, kUser)) {
      templates.user.push_back(line);
    } else {
      warnings.push_back(fmt::format(
          "no rule is made of '{}': ROLE is replaced only beside HOME_DIR, USER or %{{USERNAME}}",
          line));
    }
  });
  return templates;
}

/// Whether rules of the policy label a folder that lies where home directories would be.
class ClaimedFolders {
 public:
  explicit ClaimedFolders(std::string_view rules) : rules_(rules) {}

  bool claims(const std::string& folder) {
    if (patterns_.empty()) compile();
    for (const Pattern& pattern : patterns_) {
      Handle<pcre2_match_data, pcre2_match_data_free> data(
          pcre2_match_data_create_from_pattern(pattern.get(), nullptr));
      const auto* subject = reinterpret_cast<PCRE2_SPTR>(folder.data());
      if (pcre2_match(pattern.get(), subject, folder.size(), 0, 0, data.get(), nullptr) >= 0) {
        return true;
      }
    }
    return false;
  }

 private:
  using Pattern = Handle<pcre2_code, pcre2_code_free>;

  void compile() {
    for_each_line(rules_, [&](std::string_view line, size_t number) {
      const auto fields = split_blanks(line);
      if (is_comment(line) || fields.size() < 2) return;
      if (fields.size() > 2 && fields[1] != "-d") return;
      const std::string expression = "^" + std::string(without_tail(fields[0])) + "/*$";
      int code = 0;
      PCRE2_SIZE offset = 0;
      Pattern pattern(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()),
                                    expression.size(), PCRE2_DOTALL, &code, &offset, nullptr));
      if (!pattern) {
        throw Error(
            fmt::format("cannot read 'file_contexts' line {}: '{}' is no regular expression",
                        number, fields[0]));
      }
      patterns_.push_back(std::move(pattern));
    });
  }

  /// A rule for all that a folder holds counts as one for the folder itself.
  static std::string_view without_tail(std::string_view expression) {
    for (std::string_view tail : {".+", ".*", "(/.*)?", "/"}) {
      if (expression.size() >= tail.size() &&
          expression.substr(expression.size() - tail.size()) == tail) {
        expression.remove_suffix(tail.size());
      }
    }
    return expression;
  }

  std::string_view rules_;
  std::vector<Pattern> patterns_;
};

/// A user's home without slashes at its end; empty if it is a place that is nobody's home.
std::string_view home_of(const ImageUser& user) {
  std::string_view home = user.home;
  while (!home.empty() && home.back() == '/') home.remove_suffix(1);
  return home == "/var/empty" ? std::string_view() : home;
}

/// The folders that hold home directories: the image's own, and those above people's homes, unless
/// the policy has another use for such a folder.
std::vector<std::string> home_roots(const ImageAccounts& accounts, std::string_view rules,
                                    std::vector<std::string>& warnings) {
  std::set<std::string> roots(accounts.home_roots.begin(), accounts.home_roots.end());
  ClaimedFolders claimed(rules);
  for (const ImageUser& user : accounts.users) {
    if (!is_person(accounts, user)) continue;
    const std::string_view home = home_of(user);
    if (std::count(home.begin(), home.end(), '/') <= 1) continue;
    std::string root(home.substr(0, home.find_last_of('/')));
    if (roots.count(root)) continue;
    if (claimed.claims(root)) {
      warnings.push_back(fmt::format(
          "the home '{}' of user '{}' lies in '{}', which the policy has rules for: no rules for "
          "home directories are made there",
          user.home, user.name, root));
    } else {
      roots.insert(std::move(root));
    }
  }
  return {roots.begin(), roots.end()};
}

/// Whom a pass writes rules for. Name, uid and home are regular expressions.
struct Subject {
  std::string name, uid, home;
  std::string comment_name, login;  // in the comment; the line of seusers that led here
  const SelinuxUser* user;
};

const SelinuxUser* find_user(const std::vector<SelinuxUser>& users, std::string_view name) {
  for (const SelinuxUser& user : users) {
    if (user.name == name) return &user;
  }
  return nullptr;
}

class Expansion {
 public:
  Expansion(const Templates& templates, bool mls, const ContextCheck& is_valid, HomeRules& out)
      : templates_(templates), mls_(mls), is_valid_(is_valid), out_(out) {}

  void home_dir(const Subject& subject) {
    out_.text += fmt::format("\n\n#\n# Home Context for user {}\n#\n\n", subject.comment_name);
    for (std::string_view line : templates_.home_dir) {
      add(line, replace_all(replace_all(line, kHomeDir, subject.home), kRole, subject.user->prefix),
          subject.user);
    }
  }
  void home_root(const std::string& root) {
    for (std::string_view line : templates_.home_root) {
      add(line, replace_all(line, kHomeRoot, literal(root)), nullptr);
    }
  }
  void user_name(const Subject& subject) {
    for (std::string_view line : templates_.user_name) {
      const std::string named =
          replace_all(replace_all(line, kUserName, subject.name), kUserId, subject.uid);
      add(line, replace_all(named, kRole, subject.user->prefix), subject.user);
    }
  }
  void user(const Subject& subject) {
    for (std::string_view line : templates_.user) {
      add(line, replace_all(replace_all(line, kUser, subject.name), kRole, subject.user->prefix),
          subject.user);
    }
  }

 private:
  /// Adds a rule, its context made the user's if one is given.
  void add(std::string_view made_of, const std::string& line, const SelinuxUser* user) {
    const auto fields = split_blanks(line);
    if (fields.size() < 2) {
      throw Error(
          fmt::format("cannot expand home directory template '{}': it has no context", line));
    }
    std::string context(fields.back());
    if (context == kNone) {
      add_line(made_of, line);
      return;
    }
    const std::string as_written = context;
    if (user) context = context_for(context, *user);
    if (!is_valid_ || is_valid_(context)) {
      add_line(made_of, line.substr(0, line.rfind(as_written)) + context);
    } else if (dropped_.insert(context).second) {
      out_.warnings.push_back(fmt::format(
          "home directory rules with label '{}' are left out: the policy does not know it",
          context));
    }
  }

  void add_line(std::string_view made_of, const std::string& line) {
    out_.text += line + '\n';
    out_.templates.emplace_back(made_of);
  }

  /// SELinux user and level become the user's; the role becomes its prefix if that is a role.
  std::string context_for(std::string_view context, const SelinuxUser& user) const {
    auto parts = split(context, ':', 4);
    if (parts.size() < 3) {
      throw Error(
          fmt::format("cannot expand the templates for home directories: bad label '{}'", context));
    }
    parts[0] = user.name;
    const bool prefix_is_role =
        user.prefix == "object_r" ||
        std::find(user.roles.begin(), user.roles.end(), user.prefix) != user.roles.end();
    if (prefix_is_role) parts[1] = user.prefix;
    std::string result = fmt::format("{}:{}:{}", parts[0], parts[1], parts[2]);
    if (mls_) {
      result += ':' + (user.level.empty() ? "s0" : user.level);
    } else if (parts.size() > 3) {
      result += fmt::format(":{}", parts[3]);
    }
    return result;
  }

  const Templates& templates_;
  const bool mls_;
  const ContextCheck& is_valid_;
  HomeRules& out_;
  std::set<std::string> dropped_;
};

/// The logins in libsemanage's order: names by their bytes, then groups as they came.
std::vector<SelinuxLogin> in_order(std::vector<SelinuxLogin> logins) {
  std::stable_sort(logins.begin(), logins.end(), [](const SelinuxLogin& a, const SelinuxLogin& b) {
    const bool a_group = a.login.front() == '%', b_group = b.login.front() == '%';
    if (a_group || b_group) return !a_group && b_group;
    return a.login < b.login;
  });
  return logins;
}

/// The names of a group's users: its members, then those whose own group it is.
std::vector<std::string> users_of(const ImageAccounts& accounts, const ImageGroup& group) {
  std::vector<std::string> names = group.members;
  for (const ImageUser& user : accounts.users) {
    if (user.gid == group.gid &&
        std::find(group.members.begin(), group.members.end(), user.name) == group.members.end()) {
      names.push_back(user.name);
    }
  }
  return names;
}

class MappedUsers {
 public:
  MappedUsers(const ImageAccounts& accounts, const std::vector<SelinuxUser>& users)
      : accounts_(accounts), users_(users) {}

  void add(const SelinuxLogin& mapping) {
    if (mapping.login == kDefaultLogin) return;
    if (mapping.login.front() != '%') {
      add_user(mapping.login, mapping);
      return;
    }
    const std::string_view name = std::string_view(mapping.login).substr(1);
    const ImageGroup* group = find_group(accounts_, name);
    if (!group) return;
    for (const std::string& user : users_of(accounts_, *group)) add_user(user, mapping);
  }

  const std::vector<Subject>& subjects() const { return subjects_; }

 private:
  void add_user(const std::string& name, const SelinuxLogin& mapping) {
    if (mapping.login.front() == '%') {
      for (const Subject& known : subjects_) {
        if (known.comment_name != name) continue;
        if (known.login.front() != '%') return;  // a mapping of the user itself goes first
        throw Error(fmt::format(
            "cannot map login '{}': it is in the groups '{}' and '{}', which are both mapped; "
            "map the login itself",
            name, known.login.substr(1), mapping.login.substr(1)));
      }
    }
    const SelinuxUser* user = find_user(users_, mapping.user);
    if (!user) {
      throw Error(fmt::format("cannot map login '{}': the policy has no SELinux user '{}'", name,
                              mapping.user));
    }
    const ImageUser* account = policy::find_user(accounts_, name);
    if (!account) return;  // policies map users and groups that an image need not have
    const std::string_view home = home_of(*account);
    if (home.empty()) return;
    subjects_.push_back(
        {literal(name), std::to_string(account->uid), literal(home), name, mapping.login, user});
  }

  const ImageAccounts& accounts_;
  const std::vector<SelinuxUser>& users_;
  std::vector<Subject> subjects_;
};

}  // namespace

SplitFileContexts split_file_contexts(std::string_view file_contexts) {
  SplitFileContexts split;
  for_each_line(file_contexts, [&](std::string_view line, size_t) {
    std::string& part = is_template(line) ? split.templates : split.rules;
    part += line;
    part += '\n';
  });
  return split;
}

HomeRules expand_home_directories(const SplitFileContexts& contexts,
                                  const std::vector<SelinuxLogin>& logins,
                                  const std::vector<SelinuxUser>& users, bool mls,
                                  const ImageAccounts& accounts, const ContextCheck& is_valid) {
  HomeRules result;
  const Templates templates = sort_templates(contexts.templates, result.warnings);
  if (contexts.templates.empty()) return result;

  // Without a mapping of its own, everybody is libsemanage's user_u.
  SelinuxUser fallback_user{"user_u", {}, "s0", "s0", "user"};
  Subject fallback{std::string(kAnyName),      std::string(kAnyId), "", "user_u",
                   std::string(kDefaultLogin), &fallback_user};
  for (const SelinuxLogin& login : logins) {
    if (login.login != kDefaultLogin) continue;
    fallback.user = find_user(users, login.user);
    if (!fallback.user) {
      throw Error(fmt::format("cannot map login '{}': the policy has no SELinux user '{}'",
                              login.login, login.user));
    }
  }
  MappedUsers mapped(accounts, users);
  for (const SelinuxLogin& login : in_order(logins)) mapped.add(login);

  result.text =
      "# The policy's rules for home directories, expanded for the users of this image.\n";
  Expansion expansion(templates, mls, is_valid, result);
  if (!templates.home_dir.empty() || !templates.home_root.empty()) {
    for (const std::string& root : home_roots(accounts, contexts.rules, result.warnings)) {
      fallback.home = literal(root) + '/' + std::string(kAnyName);
      expansion.home_dir(fallback);
      expansion.home_root(root);
    }
  }
  // libsemanage visits the logins only if there are rules with a user's name in them.
  if (!templates.name_users) return result;
  expansion.user_name(fallback);
  expansion.user(fallback);
  for (auto subject = mapped.subjects().rbegin(); subject != mapped.subjects().rend(); ++subject) {
    expansion.home_dir(*subject);
    expansion.user_name(*subject);
    expansion.user(*subject);
  }
  return result;
}

}  // namespace policy
