// SPDX-License-Identifier: Apache-2.0
//
// sysusers.d(5), as systemd-sysusers (src/sysusers/sysusers.c) applies it to a root without
// accounts: groups first, then users, each in the order in which they are first named; free
// numbers are taken from one pool for both, from its top down.
#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "builder/accounts.h"
#include "imagefmt/base/bytes.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;

namespace {

struct Item {
  std::string place;  // "<path>:<line>"
  std::string name;
  std::optional<uint32_t> uid, gid;
  std::string group;  // the primary group by name
  std::string description, home, shell;
  bool locked = false;
};

/// The items of all files, users and groups in the order in which they are first named.
struct Items {
  std::vector<Item> users, groups;
  std::vector<std::pair<std::string, std::vector<std::string>>> members;  // by group
  std::vector<std::pair<uint32_t, uint32_t>> pool;                        // the lines of type r
};

bool is_account_name(std::string_view name) {
  auto is_letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (name.empty() || name.size() > 31 || !is_letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || c == '-' || (c >= '0' && c <= '9'); });
}

std::optional<uint32_t> parse_id(std::string_view text) {
  uint32_t id = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (id == 0xffff || id == 0xffffffff) return std::nullopt;  // 16-bit and 32-bit "no id"
  return id;
}

/// Splits at blanks, with quotes and backslashes as systemd's extract_first_word() reads them.
std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (size_t i = 0; i < line.size(); ++i) {
    char c = line[i];
    if (c == '\\' && quote != '\'') {
      if (++i == line.size()) throw Error("a backslash ends the line");
      word += line[i];
      in_word = true;
    } else if (quote) {
      if (c == quote)
        quote = 0;
      else
        word += c;
    } else if (c == '"' || c == '\'') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote) throw Error("a quote is not closed");
  if (in_word) words.push_back(std::move(word));
  return words;
}

std::string expand(std::string_view text) {
  std::string expanded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      expanded += text[i];
      continue;
    }
    if (++i == text.size() || text[i] != '%') {
      throw Error(fmt::format("'{}' holds a specifier, which stands for the running system", text));
    }
    expanded += '%';
  }
  return expanded;
}

/// A later line for the same name is passed over, as systemd does.
Item& find_or_add(std::vector<Item>& items, const std::string& place, std::string_view name) {
  for (Item& item : items) {
    if (item.name == name) return item;
  }
  items.push_back({});
  items.back().place = place;
  items.back().name = name;
  return items.back();
}
bool has(const std::vector<Item>& items, std::string_view name) {
  return std::any_of(items.begin(), items.end(), [&](const Item& i) { return i.name == name; });
}

void read_user(const std::vector<std::string>& fields, bool locked, const std::string& place,
               Items& items) {
  if (has(items.users, fields[1])) return;
  Item item;
  item.place = place;
  item.name = fields[1];
  item.locked = locked;
  std::string id = fields[2];
  if (size_t colon = id.find(':'); colon != id.npos) {
    std::string group = id.substr(colon + 1);
    id.resize(colon);
    item.gid = parse_id(group);
    if (!item.gid) {
      if (!is_account_name(group)) throw Error(fmt::format("bad group '{}'", group));
      item.group = group;
    }
  }
  if (id.starts_with('/')) {
    throw Error(
        fmt::format("the id of '{}' is that of the file '{}': give its number", fields[1], id));
  }
  if (!id.empty() && id != "-") {
    item.uid = parse_id(id);
    if (!item.uid) throw Error(fmt::format("bad id '{}'", id));
  }
  item.description = fields[3];
  item.home = fields[4];
  item.shell = fields[5];
  items.users.push_back(std::move(item));
}

void read_line(std::string_view line, const std::string& place, Items& items) {
  std::vector<std::string> fields = split_words(line);
  if (fields.size() < 2 || fields.size() > 6) {
    throw Error(fmt::format("expected 2 to 6 fields, found {}", fields.size()));
  }
  fields.resize(6);
  for (size_t i = 1; i < fields.size(); ++i) {
    fields[i] = fields[i] == "-" ? std::string() : expand(fields[i]);
    if (std::string_view reason = account_field_fault(fields[i]); i > 2 && !reason.empty()) {
      throw Error(fmt::format("field {} {}", i + 1, reason));
    }
  }
  const std::string& type = fields[0];
  if (type == "r") {
    size_t dash = fields[2].find('-');
    std::optional<uint32_t> first = parse_id(fields[2].substr(0, dash));
    std::optional<uint32_t> last =
        dash == fields[2].npos ? first : parse_id(fields[2].substr(dash + 1));
    if (!fields[1].empty()) throw Error("the name of a range is '-'");
    if (!first || !last || *first > *last) throw Error(fmt::format("bad range '{}'", fields[2]));
    items.pool.emplace_back(*first, *last);
    return;
  }
  if (!is_account_name(fields[1])) throw Error(fmt::format("bad name '{}'", fields[1]));
  if (type == "u" || type == "u!") {
    read_user(fields, type == "u!", place, items);
  } else if (type == "g") {
    if (has(items.groups, fields[1])) return;
    std::optional<uint32_t> gid;
    if (!fields[2].empty()) {
      gid = parse_id(fields[2]);
      if (!gid) throw Error(fmt::format("bad id '{}'", fields[2]));
    }
    find_or_add(items.groups, place, fields[1]).gid = gid;
  } else if (type == "m") {
    if (!is_account_name(fields[2])) throw Error(fmt::format("bad group '{}'", fields[2]));
    auto group = std::find_if(items.members.begin(), items.members.end(),
                              [&](const auto& entry) { return entry.first == fields[2]; });
    if (group == items.members.end()) group = items.members.insert(group, {fields[2], {}});
    group->second.push_back(fields[1]);
  } else {
    throw Error(fmt::format("unknown type '{}'", type));
  }
}

/// Users and groups that are made, and the pool that both take numbers from.
class Allocation {
 public:
  explicit Allocation(std::vector<std::pair<uint32_t, uint32_t>> pool) : pool_(std::move(pool)) {
    if (pool_.empty()) pool_.emplace_back(1, 999);  // SYSTEM_ALLOC_UID_MIN to SYSTEM_UID_MAX
    std::sort(pool_.begin(), pool_.end());
  }

  uint32_t add_group(const Item& item, Accounts& accounts) {
    if (auto made = gids_.find(item.name); made != gids_.end()) return made->second;
    std::optional<uint32_t> gid = item.gid;
    if (gid && !is_free_gid(*gid, item.name)) {
      gid.reset();
      warn("gid", item, *item.gid, accounts);
    }
    if (!gid && item.uid && is_free_gid(*item.uid, item.name)) gid = item.uid;
    while (!gid) {
      uint32_t next = next_lower(item);
      if (is_free_gid(next, item.name)) gid = next;
    }
    taken_gids_.insert(*gid);
    gids_.emplace(item.name, *gid);
    accounts.groups.push_back({item.name, *gid, {}});
    return *gid;
  }

  void add_user(const Item& item, Accounts& accounts) {
    User user;
    user.name = item.name;
    user.description = item.description;
    if (!item.group.empty()) {
      auto made = gids_.find(item.group);
      if (made == gids_.end()) {
        throw Error(fmt::format("{}: the group '{}' of '{}' is declared nowhere", item.place,
                                item.group, item.name));
      }
      user.gid = made->second;
    } else if (item.gid) {
      if (!taken_gids_.count(*item.gid)) {
        throw Error(fmt::format("{}: the group {} of '{}' is declared nowhere", item.place,
                                *item.gid, item.name));
      }
      user.gid = *item.gid;
    } else {
      user.gid = add_group(item, accounts);
    }
    std::optional<uint32_t> uid = item.uid;
    if (uid && uids_.count(*uid)) {
      uid.reset();
      warn("uid", item, *item.uid, accounts);
    }
    if (!uid && is_free_uid(user.gid, item.name)) uid = user.gid;
    while (!uid) {
      uint32_t next = next_lower(item);
      if (is_free_uid(next, item.name)) uid = next;
    }
    user.uid = *uid;
    uids_.insert(*uid);
    user.home = item.home.empty() ? "/" : item.home;
    user.shell = item.shell.empty() ? (*uid == 0 ? "/bin/sh" : "/usr/sbin/nologin") : item.shell;
    user.password = "!*";  // locked, and no hash even when unlocked
    if (item.locked) user.expires.assign(1, '1');
    accounts.users.push_back(std::move(user));
  }

 private:
  /// A number is kept for the user and the group of one name.
  bool is_free_gid(uint32_t id, const std::string& name) const {
    auto own = gids_.find(name);
    return (!taken_gids_.count(id) || (own != gids_.end() && own->second == id)) &&
           !uids_.count(id);
  }
  bool is_free_uid(uint32_t id, const std::string& name) const {
    if (uids_.count(id)) return false;
    auto own = gids_.find(name);
    return !taken_gids_.count(id) || (own != gids_.end() && own->second == id);
  }
  static void warn(std::string_view kind, const Item& item, uint32_t id, Accounts& accounts) {
    accounts.warnings.push_back(fmt::format("{}: the {} {} of '{}' is taken, it gets another one",
                                            item.place, kind, id, item.name));
  }
  uint32_t next_lower(const Item& item) {
    for (auto range = pool_.rbegin(); range != pool_.rend(); ++range) {
      if (range->first >= below_) continue;
      below_ = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{range->second} + 1, below_)) - 1;
      return below_;
    }
    throw Error(fmt::format("{}: no free number is left for '{}'", item.place, item.name));
  }

  std::vector<std::pair<uint32_t, uint32_t>> pool_;
  uint32_t below_ = 0xffffffff;
  std::set<uint32_t> uids_, taken_gids_;
  std::map<std::string, uint32_t> gids_;
};

}  // namespace

Accounts parse_sysusers(const std::vector<SysusersFile>& files) {
  Items items;
  Faults faults;
  for (const SysusersFile& file : files) {
    size_t number = 0;
    for (size_t start = 0; start < file.text.size();) {
      size_t end = std::min(file.text.find('\n', start), file.text.size());
      std::string_view line(file.text.data() + start, end - start);
      start = end + 1;
      std::string place = fmt::format("{}:{}", file.path, ++number);
      size_t first = line.find_first_not_of(" \t\r");
      if (first == line.npos || line[first] == '#') continue;
      try {
        read_line(line.substr(first), place, items);
      } catch (const Error& error) {
        faults.add(fmt::format("{}: {}", place, error.what()));
      }
    }
  }
  faults.throw_if_any();

  // A line m makes what it names.
  for (const auto& [group, members] : items.members) {
    std::string place = "a line 'm'";
    find_or_add(items.groups, place, group);
    for (const std::string& member : members) find_or_add(items.users, place, member);
  }
  Accounts accounts;
  Allocation allocation(std::move(items.pool));
  auto collect = [&](auto body) {
    try {
      body();
    } catch (const Error& error) {
      faults.add(error.what());
    }
  };
  for (const Item& group : items.groups) {
    collect([&] { allocation.add_group(group, accounts); });
  }
  for (const Item& user : items.users) {
    collect([&] { allocation.add_user(user, accounts); });
  }
  for (Group& group : accounts.groups) {
    std::set<std::string> sorted;
    for (const auto& [name, members] : items.members) {
      if (name == group.name) sorted.insert(members.begin(), members.end());
    }
    group.members.assign(sorted.begin(), sorted.end());
  }
  faults.throw_if_any();
  sort_accounts(accounts);
  return accounts;
}

}  // namespace builder
