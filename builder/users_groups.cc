// SPDX-License-Identifier: Apache-2.0
//
// users-groups.json: a JSON object {"mutableUsers", "users": […], "groups": […]} whose entries are
// the options of NixOS's users.users and users.groups. Keys that do not reach /etc are passed over:
// NixOS writes the whole option set of a group.
#include <chrono>
#include <set>

#include "builder/accounts.h"
#include "builder/private_json.h"
#include "imagefmt/base/bytes.h"

namespace builder {

using imagefmt::Error;
using imagefmt::Faults;
using nlohmann::json;

namespace {

/// (uid_t)-1 means "unchanged" to chown(2) and can be no id.
constexpr int64_t kMaxId = 0xfffffffe;
constexpr size_t kMaxAccounts = 100'000;

/// Reads fields of one entry; a mistake is kept and gives a default, so that one run tells them
/// all.
class EntryReader {
 public:
  EntryReader(const json& entry, std::string place, Faults& faults)
      : entry_(entry), place_(std::move(place)), faults_(faults) {}

  void fault(std::string_view key, std::string_view reason) const {
    faults_.add(fmt::format("{}: '{}' {}", place_, key, reason));
  }
  const std::string& place() const { return place_; }
  void name_place(std::string_view name) { place_ += fmt::format(" '{}'", name); }

  const json* find(const char* key) const {
    auto found = entry_.find(key);
    return found == entry_.end() || found->is_null() ? nullptr : &*found;
  }
  /// A string that may stand between the colons of passwd(5).
  std::optional<std::string> text(const char* key) const {
    const json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_string()) {
      fault(key, "is no string");
      return std::nullopt;
    }
    const std::string& found = value->get_ref<const std::string&>();
    if (std::string_view reason = account_field_fault(found); !reason.empty()) fault(key, reason);
    return found;
  }
  std::optional<uint32_t> id(const char* key) const {
    const json* value = find(key);
    if (!value) return std::nullopt;
    if (!value->is_number_integer() || value->get<int64_t>() < 0 ||
        (value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{kMaxId})) {
      fault(key, fmt::format("is no number from 0 to {}", kMaxId));
      return std::nullopt;
    }
    return value->get<uint32_t>();
  }
  bool flag(const char* key) const {
    const json* value = find(key);
    if (!value) return false;
    if (!value->is_boolean()) {
      fault(key, "is no boolean");
      return false;
    }
    return value->get<bool>();
  }
  /// The elements of a list, none if there is no list.
  std::vector<const json*> list(const char* key) const {
    std::vector<const json*> elements;
    const json* value = find(key);
    if (!value) return elements;
    if (!value->is_array()) {
      fault(key, "is no list");
      return elements;
    }
    for (const json& element : *value) elements.push_back(&element);
    return elements;
  }

 private:
  const json& entry_;
  std::string place_;
  Faults& faults_;
};

/// Free numbers of a range, taken from one end.
class IdPool {
 public:
  void reserve(uint32_t id) { used_.insert(id); }
  /// REQUIRES: first and last differ by the direction of the search.
  std::optional<uint32_t> take(uint32_t first, uint32_t last) {
    for (uint32_t id = first;; first < last ? ++id : --id) {
      if (used_.insert(id).second) return id;
      if (id == last) return std::nullopt;
    }
  }

 private:
  std::set<uint32_t> used_;
};

std::optional<std::string> days_of(std::string_view date) {
  int year = 0;
  unsigned month = 0, day = 0;
  auto number = [&](size_t start, size_t length) {
    unsigned value = 0;
    for (char digit : date.substr(start, length)) {
      if (digit < '0' || digit > '9') return 0u;
      value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    return value;
  };
  if (date.size() != 10 || date[4] != '-' || date[7] != '-') return std::nullopt;
  year = static_cast<int>(number(0, 4));
  month = number(5, 2);
  day = number(8, 2);
  std::chrono::year_month_day parsed{std::chrono::year(year), std::chrono::month(month),
                                     std::chrono::day(day)};
  if (!parsed.ok()) return std::nullopt;
  return fmt::format("{}", std::chrono::sys_days(parsed).time_since_epoch().count());
}

std::optional<uint16_t> mode_of(std::string_view text) {
  if (text.empty() || text.size() > 5) return std::nullopt;
  unsigned mode = 0;
  for (char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    mode = mode * 8 + static_cast<unsigned>(digit - '0');
  }
  if (mode > 07777) return std::nullopt;
  return static_cast<uint16_t>(mode);
}

std::vector<IdRange> ranges_of(const EntryReader& reader, const char* key, const char* start_key) {
  std::vector<IdRange> ranges;
  for (const json* element : reader.list(key)) {
    auto start = element->is_object() ? element->find(start_key) : element->end();
    auto count = element->is_object() ? element->find("count") : element->end();
    auto is_id = [&](auto found) {
      return found != element->end() && found->is_number_unsigned() &&
             found->template get<uint64_t>() <= uint64_t{kMaxId};
    };
    if (!is_id(start) || !is_id(count)) {
      reader.fault(key, fmt::format("holds something else than {{\"{}\", \"count\"}}", start_key));
      continue;
    }
    ranges.push_back({start->get<uint32_t>(), count->get<uint32_t>()});
  }
  return ranges;
}

/// What update-users-groups.pl puts into shadow on a first boot.
std::string password_of(const EntryReader& reader, const std::string& name,
                        const FindText& find_text, std::vector<std::string>& warnings) {
  auto warn = [&](std::string_view reason) {
    warnings.push_back(fmt::format("the user '{}' gets no password: {}", name, reason));
  };
  std::string password = "!";
  bool clear = false;
  if (std::optional<std::string> hashed = reader.text("hashedPassword")) {
    password = *hashed;
  } else if (reader.find("initialPassword")) {
    clear = true;
  } else if (std::optional<std::string> initial = reader.text("initialHashedPassword")) {
    password = *initial;
  }
  std::optional<std::string> path = reader.text("hashedPasswordFile");
  if (!path) path = reader.text("passwordFile");  // its name until NixOS 23.11
  if (path) {
    if (std::optional<std::string> found = find_text(*path)) {
      if (found->ends_with('\n')) found->pop_back();
      if (std::string_view reason = account_field_fault(*found); !reason.empty()) {
        reader.fault(*path, reason);
      }
      return *found;
    }
    if (password == "!") warn(fmt::format("'{}' is not in the image", *path));
    return password;
  }
  if (clear || reader.find("password")) {
    warn("activation hashes a clear one with a random salt; use hashedPassword");
    return "!";
  }
  return password;
}

const json& list_in(const json& document, const char* key, std::string_view name) {
  auto found = document.find(key);
  if (found == document.end() || !found->is_array()) {
    throw Error(fmt::format("{}: expected a list '{}'", name, key));
  }
  if (found->size() > kMaxAccounts) {
    throw Error(fmt::format("{}: {} entries in '{}', expected at most {}", name, found->size(), key,
                            kMaxAccounts));
  }
  return *found;
}

/// Reads the name of entry `index`; no value if it has none or it is there twice.
std::optional<std::string> name_of(EntryReader& reader, std::set<std::string>& seen,
                                   Faults& faults) {
  std::optional<std::string> name = reader.text("name");
  if (!name || name->empty()) {
    reader.fault("name", "is missing");
    return std::nullopt;
  }
  reader.name_place(*name);
  if (name->find(',') != name->npos || name->find('/') != name->npos) {
    reader.fault("name", "holds a ',' or '/'");
  }
  if (!seen.insert(*name).second) {
    faults.add(fmt::format("{}: is there twice", reader.place()));
    return std::nullopt;
  }
  return name;
}

struct PendingId {
  size_t index;
  bool is_system;
};

void read_groups(const json& list, std::string_view file, Accounts& accounts, Faults& faults) {
  std::set<std::string> seen;
  IdPool pool;
  std::vector<size_t> pending;
  for (size_t i = 0; i < list.size(); ++i) {
    EntryReader reader(list[i], fmt::format("{}: group {}", file, i + 1), faults);
    if (!list[i].is_object()) {
      faults.add(reader.place() + ": is no object");
      continue;
    }
    std::optional<std::string> name = name_of(reader, seen, faults);
    if (!name) continue;
    std::set<std::string> members;
    for (const json* member : reader.list("members")) {
      if (!member->is_string() || !account_field_fault(member->get<std::string>()).empty()) {
        reader.fault("members", "holds something else than names");
        continue;
      }
      members.insert(member->get<std::string>());
    }
    std::optional<uint32_t> gid = reader.id("gid");
    if (gid) pool.reserve(*gid);
    if (!gid) pending.push_back(accounts.groups.size());
    accounts.groups.push_back({*name, gid.value_or(0), {members.begin(), members.end()}});
  }
  for (size_t index : pending) {
    std::optional<uint32_t> gid = pool.take(999, 400);
    if (!gid) {
      faults.add(fmt::format("{}: no free gid from 400 to 999 for the group '{}'", file,
                             accounts.groups[index].name));
      return;
    }
    accounts.groups[index].gid = *gid;
  }
}

/// The group of a user, as the script finds it: one digit is a number, everything else a name.
uint32_t primary_group_of(const EntryReader& reader, const std::string& name, Accounts& accounts) {
  std::string group = reader.text("group").value_or("");
  if (group.size() == 1 && group[0] >= '0' && group[0] <= '9') {
    return static_cast<uint32_t>(group[0] - '0');
  }
  if (std::optional<uint32_t> gid = accounts.find_gid(group)) return *gid;
  accounts.warnings.push_back(
      fmt::format("the user '{}' has the unknown group '{}': it gets gid 65534", name, group));
  return 65534;
}

void read_users(const json& list, std::string_view file, const FindText& find_text,
                Accounts& accounts, Faults& faults) {
  std::set<std::string> seen;
  IdPool pool;
  std::vector<PendingId> pending;
  std::set<std::string> automatic_ranges;
  for (size_t i = 0; i < list.size(); ++i) {
    EntryReader reader(list[i], fmt::format("{}: user {}", file, i + 1), faults);
    if (!list[i].is_object()) {
      faults.add(reader.place() + ": is no object");
      continue;
    }
    std::optional<std::string> name = name_of(reader, seen, faults);
    if (!name) continue;
    User user;
    user.name = *name;
    user.gid = primary_group_of(reader, *name, accounts);
    user.description = reader.text("description").value_or("");
    user.home = reader.text("home").value_or("");
    user.password = password_of(reader, *name, find_text, accounts.warnings);
    user.create_home = reader.flag("createHome");
    if (user.create_home && !user.home.starts_with('/'))
      reader.fault("home", "is no absolute path");
    if (std::optional<std::string> text = reader.text("homeMode")) {
      std::optional<uint16_t> mode = mode_of(*text);
      if (!mode) reader.fault("homeMode", "is no octal mode");
      user.home_mode = mode.value_or(0700);
    }
    if (std::optional<std::string> shell = reader.text("shell")) {
      user.shell = *shell;
    } else {
      user.shell = "/run/current-system/sw/bin/nologin";
      accounts.warnings.push_back(
          fmt::format("the user '{}' has no shell: it gets nologin", *name));
    }
    if (std::optional<std::string> date = reader.text("expires")) {
      std::optional<std::string> days = days_of(*date);
      if (!days) reader.fault("expires", "is no date YYYY-MM-DD");
      user.expires = days.value_or("");
    }
    user.subordinate_uids = ranges_of(reader, "subUidRanges", "startUid");
    user.subordinate_gids = ranges_of(reader, "subGidRanges", "startGid");
    if (reader.flag("autoSubUidGidRange")) automatic_ranges.insert(*name);
    std::optional<uint32_t> uid = reader.id("uid");
    if (uid) pool.reserve(*uid);
    if (!uid) pending.push_back({accounts.users.size(), reader.flag("isSystemUser")});
    user.uid = uid.value_or(0);
    accounts.users.push_back(std::move(user));
  }
  for (const PendingId& wanted : pending) {
    std::optional<uint32_t> uid = wanted.is_system ? pool.take(999, 400) : pool.take(1000, 29999);
    if (!uid) {
      faults.add(fmt::format("{}: no free uid from {} for the user '{}'", file,
                             wanted.is_system ? "400 to 999" : "1000 to 29999",
                             accounts.users[wanted.index].name));
      return;
    }
    accounts.users[wanted.index].uid = *uid;
  }
  sort_accounts(accounts);
  // The script walks a hash here, so that its order is random; ours is that of the uids.
  uint32_t next = 100'000;
  for (User& user : accounts.users) {
    if (!automatic_ranges.count(user.name)) continue;
    if (next > kMaxId - 65536) {
      faults.add(fmt::format("{}: no subordinate ids are left for the user '{}'", file, user.name));
      return;
    }
    user.subordinate_uids.push_back({next, 65536});
    user.subordinate_gids.push_back({next, 65536});
    next += 65536;
  }
}

}  // namespace

Accounts parse_users_groups(std::string_view text, std::string_view name,
                            const FindText& find_text) {
  json document = parse_json(text, name);
  if (!document.is_object()) throw Error(fmt::format("{}: expected an object", name));
  Accounts accounts;
  Faults faults;
  read_groups(list_in(document, "groups", name), name, accounts, faults);
  read_users(list_in(document, "users", name), name, find_text, accounts, faults);
  faults.throw_if_any();
  sort_accounts(accounts);
  return accounts;
}

}  // namespace builder
