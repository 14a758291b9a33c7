// SPDX-License-Identifier: Apache-2.0
#include "builder/accounts.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

std::optional<std::string> no_file(const std::string&) {
  return std::nullopt;
}

Accounts read(std::string_view json, const FindText& find_text = no_file) {
  return parse_users_groups(json, "users.json", find_text);
}

// What update-users-groups.pl makes of this in an empty root, worked out by hand from its text.
constexpr std::string_view kSystem = R"json({
  "mutableUsers": false,
  "groups": [
    {"gid": null, "members": [], "name": "alpha"},
    {"gid": 999, "members": ["bob", "alice", "bob"], "name": "beta"},
    {"gid": 0, "members": [], "name": "root"},
    {"gid": 318, "members": [], "name": "shadow"},
    {"gid": 100, "members": [], "name": "users"},
    {"gid": null, "members": [], "name": "zeta"}],
  "users": [
    {"name": "alice", "uid": null, "group": "users", "description": "Alice A.", "home": "/home/alice",
     "homeMode": "700", "createHome": true, "isSystemUser": false, "hashedPassword": "$y$alice",
     "initialHashedPassword": "$y$other", "shell": "/run/current-system/sw/bin/bash",
     "autoSubUidGidRange": true, "subUidRanges": [], "subGidRanges": [], "expires": null},
    {"name": "bob", "uid": null, "group": "users", "description": "", "home": "/home/bob",
     "createHome": false, "isSystemUser": false, "initialHashedPassword": "$y$bob",
     "shell": "/bin/sh", "autoSubUidGidRange": true, "expires": "2030-01-31",
     "subUidRanges": [{"startUid": 5000, "count": 10}],
     "subGidRanges": [{"startGid": 6000, "count": 20}]},
    {"name": "daemon1", "uid": null, "group": "alpha", "description": "", "home": "/var/empty",
     "createHome": false, "isSystemUser": true, "shell": "/bin/nologin"},
    {"name": "daemon2", "uid": 998, "group": "zeta", "description": "", "home": "/var/empty",
     "createHome": false, "isSystemUser": true, "shell": "/bin/nologin"},
    {"name": "root", "uid": 0, "group": "root", "description": "System administrator",
     "home": "/root", "createHome": false, "isSystemUser": false, "shell": "/bin/sh"},
    {"name": "sys3", "uid": null, "group": "5", "description": "", "home": "/var/empty",
     "createHome": false, "isSystemUser": true, "shell": "/bin/nologin"}]})json";

TEST(ParseUsersGroups, AllocatesAsNixosDoesOnAFirstBoot) {
  Accounts accounts = read(kSystem);
  EXPECT_EQ(serialize_group(accounts),
            "root:x:0:\n"
            "users:x:100:\n"
            "shadow:x:318:\n"
            "zeta:x:997:\n"
            "alpha:x:998:\n"
            "beta:x:999:alice,bob\n");
  EXPECT_EQ(serialize_passwd(accounts),
            "root:x:0:0:System administrator:/root:/bin/sh\n"
            "sys3:x:997:5::/var/empty:/bin/nologin\n"
            "daemon2:x:998:997::/var/empty:/bin/nologin\n"
            "daemon1:x:999:998::/var/empty:/bin/nologin\n"
            "alice:x:1000:100:Alice A.:/home/alice:/run/current-system/sw/bin/bash\n"
            "bob:x:1001:100::/home/bob:/bin/sh\n");
  EXPECT_EQ(serialize_shadow(accounts),
            "root:!:1::::::\n"
            "sys3:!:1::::::\n"
            "daemon2:!:1::::::\n"
            "daemon1:!:1::::::\n"
            "alice:$y$alice:1::::::\n"
            "bob:$y$bob:1:::::21945:\n");
  EXPECT_EQ(serialize_subuid(accounts), "alice:100000:65536\nbob:5000:10\nbob:165536:65536\n");
  EXPECT_EQ(serialize_subgid(accounts), "alice:100000:65536\nbob:6000:20\nbob:165536:65536\n");
  EXPECT_THAT(accounts.warnings, IsEmpty());
  EXPECT_EQ(accounts.find_uid("alice"), 1000u);
  EXPECT_EQ(accounts.find_gid("nobody"), std::nullopt);
}

TEST(ParseUsersGroups, ReadsPasswordFilesOfTheImage) {
  Accounts accounts = read(
      R"({"groups": [{"name": "g", "gid": 1}], "users": [
        {"name": "a", "uid": 1, "group": "g", "shell": "/s", "hashedPasswordFile": "/nix/store/p"},
        {"name": "b", "uid": 2, "group": "g", "shell": "/s", "passwordFile": "/run/secret",
         "hashedPassword": "$y$b"},
        {"name": "c", "uid": 3, "group": "g", "shell": "/s", "hashedPasswordFile": "/run/secret"}]})",
      [](const std::string& path) -> std::optional<std::string> {
        if (path == "/nix/store/p") return "$y$file\n";
        return std::nullopt;
      });
  EXPECT_EQ(serialize_shadow(accounts), "a:$y$file:1::::::\nb:$y$b:1::::::\nc:!:1::::::\n");
  EXPECT_THAT(accounts.warnings,
              ElementsAre("the user 'c' gets no password: '/run/secret' is not in the image"));
}

TEST(ParseUsersGroups, WarnsOfWhatAnImageCannotHold) {
  Accounts accounts = read(R"({"groups": [], "users": [
      {"name": "a", "uid": 1, "group": "none", "shell": "/s", "password": "secret"},
      {"name": "b", "uid": 2, "group": "0", "shell": null, "initialPassword": "secret"}]})");
  EXPECT_EQ(serialize_passwd(accounts),
            "a:x:1:65534:::/s\nb:x:2:0:::/run/current-system/sw/bin/nologin\n");
  EXPECT_EQ(serialize_shadow(accounts), "a:!:1::::::\nb:!:1::::::\n");
  EXPECT_THAT(
      accounts.warnings,
      ElementsAre(
          "the user 'a' has the unknown group 'none': it gets gid 65534",
          "the user 'a' gets no password: activation hashes a clear one with a random salt; "
          "use hashedPassword",
          "the user 'b' gets no password: activation hashes a clear one with a random salt; "
          "use hashedPassword",
          "the user 'b' has no shell: it gets nologin"));
}

TEST(ParseUsersGroups, WritesALoneNewlineWithoutRanges) {
  Accounts accounts = read(R"({"groups": [], "users": []})");
  EXPECT_EQ(serialize_subuid(accounts), "\n");
  EXPECT_EQ(serialize_subgid(accounts), "\n");
}

struct BadUsers {
  const char* json;
  const char* message;
};

class ParseBadUsersGroups : public testing::TestWithParam<BadUsers> {};

TEST_P(ParseBadUsersGroups, TellsWhy) {
  EXPECT_EQ(error_of([] { read(GetParam().json); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseBadUsersGroups,
    testing::Values(
        BadUsers{"{", "users.json:1:2: malformed JSON"},
        BadUsers{"[]", "users.json: expected an object"},
        BadUsers{"{}", "users.json: expected a list 'groups'"},
        BadUsers{R"({"groups": [], "users": {}})", "users.json: expected a list 'users'"},
        BadUsers{R"({"groups": [1], "users": ["x"]})",
                 "users.json: group 1: is no object\nusers.json: user 1: is no object"},
        BadUsers{R"({"groups": [{}, {"name": ""}, {"name": 7}], "users": []})",
                 "users.json: group 1: 'name' is missing\nusers.json: group 2: 'name' is missing\n"
                 "users.json: group 3: 'name' is no string\n"
                 "users.json: group 3: 'name' is missing"},
        BadUsers{R"({"groups": [{"name": "a:b"}, {"name": "c,d"}, {"name": "e\nf"}], "users": []})",
                 "users.json: group 1: 'name' holds a ':'\n"
                 "users.json: group 2 'c,d': 'name' holds a ',' or '/'\n"
                 "users.json: group 3: 'name' holds a newline"},
        BadUsers{R"({"groups": [{"name": "a"}, {"name": "a"}], "users": []})",
                 "users.json: group 2 'a': is there twice"},
        BadUsers{R"({"groups": [{"name": "a", "gid": -1}, {"name": "b", "gid": 4294967295},
                                {"name": "c", "gid": "0"}, {"name": "d", "members": ["x:y"]},
                                {"name": "e", "members": "x"}], "users": []})",
                 "users.json: group 1 'a': 'gid' is no number from 0 to 4294967294\n"
                 "users.json: group 2 'b': 'gid' is no number from 0 to 4294967294\n"
                 "users.json: group 3 'c': 'gid' is no number from 0 to 4294967294\n"
                 "users.json: group 4 'd': 'members' holds something else than names\n"
                 "users.json: group 5 'e': 'members' is no list"},
        BadUsers{R"({"groups": [], "users": [{"name": "u", "group": "0", "shell": "/s\u0000",
                     "home": "h", "createHome": true, "homeMode": "9", "expires": "2030-02-30",
                     "isSystemUser": "yes", "subUidRanges": [{"startUid": 1}],
                     "hashedPassword": "a:b"}]})",
                 "users.json: user 1 'u': 'hashedPassword' holds a ':'\n"
                 "users.json: user 1 'u': 'home' is no absolute path\n"
                 "users.json: user 1 'u': 'homeMode' is no octal mode\n"
                 "users.json: user 1 'u': 'shell' holds a NUL byte\n"
                 "users.json: user 1 'u': 'expires' is no date YYYY-MM-DD\n"
                 "users.json: user 1 'u': 'subUidRanges' holds something else than "
                 "{\"startUid\", \"count\"}\n"
                 "users.json: user 1 'u': 'isSystemUser' is no boolean"}));

TEST(ParseUsersGroups, SaysWhenNumbersRunOut) {
  std::string groups;
  for (int i = 0; i < 601; ++i) {
    groups += (i ? "," : "") + ("{\"name\": \"g" + std::to_string(i) + "\"}");
  }
  EXPECT_EQ(error_of([&] { read("{\"groups\": [" + groups + "], \"users\": []}"); }),
            "users.json: no free gid from 400 to 999 for the group 'g600'");
}

TEST(ParsePasswdAndGroup, ReadsBackWhatIsWritten) {
  Accounts accounts = read(kSystem);
  Accounts again = parse_passwd_and_group(serialize_passwd(accounts), "passwd",
                                          serialize_group(accounts), "group");
  EXPECT_EQ(serialize_passwd(again), serialize_passwd(accounts));
  EXPECT_EQ(serialize_group(again), serialize_group(accounts));
}

TEST(ParsePasswdAndGroup, TellsAllMistakes) {
  EXPECT_EQ(error_of([] {
              parse_passwd_and_group("# c\n\nroot:x:0:0::/root\na:x:-1:4294967296::/:/s\n",
                                     "passwd", "g:x:z:\ng:x\n", "group");
            }),
            "passwd:3: expected 7 fields, found 6\n"
            "passwd:4: bad uid '-1'\n"
            "passwd:4: bad gid '4294967296'\n"
            "group:1: bad gid 'z'\n"
            "group:2: expected 4 fields, found 2");
}

constexpr const char* kSysusers =
    "# comment\n"
    "u root 0 \"Super User\" /root /bin/bash\n"
    "g tty 5\n"
    "u httpd 404 \"HTTP User\"\n"
    "u postgres - \"Postgres\" /var/lib/pgsql /bin/x\n"
    "g input -\n"
    "m postgres input\n"
    "u zed 12:tty\n"
    "g games 60\n"
    "u game 7:60\n"
    "u auto -:input \"x y\"\n"
    "m newuser newgroup\n"
    "g late -\n"
    "u late -\n"
    "u late 3\n"
    "u root2 0:0\n"
    "u hundred - '100%% sure'\n";

TEST(ParseSysusers, AllocatesAsSystemdDoes) {
  Accounts accounts = parse_sysusers({{"a.conf", kSysusers}});
  EXPECT_EQ(serialize_passwd(accounts),
            "root:x:0:0:Super User:/root:/bin/bash\n"
            "game:x:7:60::/:/usr/sbin/nologin\n"
            "zed:x:12:5::/:/usr/sbin/nologin\n"
            "httpd:x:404:404:HTTP User:/:/usr/sbin/nologin\n"
            "newuser:x:992:992::/:/usr/sbin/nologin\n"
            "hundred:x:993:993:100% sure:/:/usr/sbin/nologin\n"
            "root2:x:994:0::/:/usr/sbin/nologin\n"
            "auto:x:995:999:x y:/:/usr/sbin/nologin\n"
            "postgres:x:996:996:Postgres:/var/lib/pgsql:/bin/x\n"
            "late:x:998:998::/:/usr/sbin/nologin\n");
  EXPECT_EQ(serialize_group(accounts),
            "root:x:0:\ntty:x:5:\ngames:x:60:\nhttpd:x:404:\nnewuser:x:992:\nhundred:x:993:\n"
            "postgres:x:996:\nnewgroup:x:997:newuser\nlate:x:998:\ninput:x:999:postgres\n");
  EXPECT_THAT(accounts.warnings,
              ElementsAre("a.conf:16: the uid 0 of 'root2' is taken, it gets another one"));
}

TEST(ParseSysusers, AgreesWithSystemdSysusers) {
  if (std::system("command -v systemd-sysusers >/dev/null") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "systemd-sysusers is missing";
    GTEST_SKIP() << "systemd-sysusers is missing";
  }
  tests::TempDir root;
  std::filesystem::create_directories(root / "etc");
  std::filesystem::create_directories(root / "usr/lib/sysusers.d");
  imagefmt::write_file(root / "usr/lib/sysusers.d/a.conf", kSysusers);
  std::string command = "systemd-sysusers --root=" + root.path() + " >/dev/null 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::string passwd = imagefmt::read_file(root / "etc/passwd");
  std::string group = imagefmt::read_file(root / "etc/group");
  Accounts theirs = parse_passwd_and_group(passwd, "passwd", group, "group");
  Accounts ours = parse_sysusers({{"a.conf", kSysusers}});
  EXPECT_EQ(serialize_passwd(ours), serialize_passwd(theirs));
  EXPECT_EQ(serialize_group(ours), serialize_group(theirs));
}

TEST(ParseSysusers, TakesFromTheRangesGiven) {
  Accounts accounts =
      parse_sysusers({{"a", "r - 500-501\nr - 300\ng a -\ng b -\n"}, {"b", "g c -\n"}});
  EXPECT_EQ(serialize_group(accounts), "c:x:300:\nb:x:500:\na:x:501:\n");
  EXPECT_EQ(error_of([] {
              parse_sysusers({{"a", "r - 5\ng a -\ng b -\n"}});
            }),
            "a:3: no free number is left for 'b'");
}

TEST(ParseSysusers, LocksAccounts) {
  EXPECT_EQ(serialize_shadow(parse_sysusers({{"a", "u! x 5\n"}})), "x:!*:1:::::1:\n");
}

TEST(ParseSysusers, TellsAllMistakes) {
  EXPECT_EQ(error_of([] {
              parse_sysusers({{"f",
                               "x y\n"
                               "u 1bad -\n"
                               "u a /usr/bin/a\n"
                               "u a 65535\n"
                               "u a - \"open\n"
                               "u a - b c d e f\n"
                               "u a - x:y\n"
                               "u a - %b\n"
                               "g a b\n"
                               "m a\n"
                               "r - 9-1\n"
                               "r n 9\n"
                               "u\n"
                               "u a - b\\\n"
                               "u a -:1b\n"}});
            }),
            "f:1: unknown type 'x'\n"
            "f:2: bad name '1bad'\n"
            "f:3: the id of 'a' is that of the file '/usr/bin/a': give its number\n"
            "f:4: bad id '65535'\n"
            "f:5: a quote is not closed\n"
            "f:6: expected 2 to 6 fields, found 8\n"
            "f:7: field 4 holds a ':'\n"
            "f:8: '%b' holds a specifier, which stands for the running system\n"
            "f:9: bad id 'b'\n"
            "f:10: bad group ''\n"
            "f:11: bad range '9-1'\n"
            "f:12: the name of a range is '-'\n"
            "f:13: expected 2 to 6 fields, found 1\n"
            "f:14: a backslash ends the line\n"
            "f:15: bad group '1b'");
  EXPECT_EQ(error_of([] {
              parse_sysusers({{"f", "u a 4:65534\nu b -:nogroup\n"}});
            }),
            "f:1: the group 65534 of 'a' is declared nowhere\n"
            "f:2: the group 'nogroup' of 'b' is declared nowhere");
}

}  // namespace
}  // namespace builder
