// SPDX-License-Identifier: Apache-2.0
#include "builder/units.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>

#include "imagefmt/folder.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using testing::ElementsAre;
using testing::IsEmpty;
using State = UnitLocation::State;
using Lines = std::vector<std::string>;

class Image {
 public:
  Image& file(const std::string& path, const std::string& text) {
    tree.insert(path, imagefmt::make_regular(Content::from_bytes(text)));
    return *this;
  }
  Image& service(const std::string& path, const std::string& text) {
    return file(path, "[Service]\n" + text);
  }
  Image& link(const std::string& path, const std::string& target) {
    tree.insert(path, imagefmt::make_symlink(target));
    return *this;
  }

  FileTree tree;
};

const std::string kEtc = "/etc/systemd/system/", kUsr = "/usr/lib/systemd/system/";

Lines commands(const Unit& unit) {
  Lines lines;
  for (const UnitCommand& command : unit.commands) {
    lines.push_back(fmt::format("{}={}{}{}", command.key, command.privileged ? "+" : "",
                                command.program,
                                command.fault.empty() ? "" : " !" + command.fault));
  }
  return lines;
}

/// NAME and what it is, of every unit.
Lines found(const FileTree& tree) {
  Lines lines;
  for (const Unit& unit : read_units(tree, UnitManager::kSystem)) {
    const char* state = unit.location.state == State::kMasked    ? " masked"
                        : unit.location.state == State::kMissing ? " missing"
                                                                 : "";
    lines.push_back(fmt::format("{}{} {} [{}]", unit.location.name.text(), state,
                                unit.location.file, fmt::join(unit.location.aliases, " ")));
  }
  return lines;
}

Unit only(const FileTree& tree, UnitManager manager = UnitManager::kSystem) {
  std::vector<Unit> units = read_units(tree, manager);
  EXPECT_EQ(units.size(), 1);
  return units.empty() ? Unit() : std::move(units.front());
}

TEST(Units, AreFoundAlongTheSearchPath) {
  Image image;
  image.link("/etc/systemd/system", "/nix/store/u");
  image.service("/nix/store/u/own.service", "ExecStart=/bin/own");
  image.service("/nix/store/x/any-name", "ExecStart=/bin/linked");
  image.link("/nix/store/u/linked.service", "/nix/store/x/any-name");
  image.link("/nix/store/u/alias@.service", "real@.service");
  image.link("/nix/store/u/second@.service", "/etc/systemd/system/alias@.service");
  image.service("/nix/store/u/real@.service", "ExecStart=/bin/real");
  image.link("/nix/store/u/masked.service", "/nix/store/x/null");
  image.link("/nix/store/x/null", "/dev/null");
  image.file("/nix/store/u/empty.service", "");
  image.link("/nix/store/u/gone.service", "/nix/store/gone");
  image.link("/nix/store/u/stray.service", "nothing.service");
  image.link("/nix/store/u/a.service", "b.service").link("/nix/store/u/b.service", "a.service");
  image.link("/nix/store/u/self.service", kUsr + "self.service");
  image.service(kUsr + "self.service", "ExecStart=/bin/self");
  image.service(kUsr + "own.service", "ExecStart=/bin/hidden");
  image.service("/nix/store/u/not.target", "ExecStart=/bin/x");
  image.file("/nix/store/u/quiet.socket", "[Socket]\nListenStream=1\n");
  image.file("/nix/store/u/loud.socket", "[Socket]\nExecStartPre=/bin/x\n");
  EXPECT_THAT(
      found(image.tree),
      ElementsAre(
          "a.service missing b.service []", "b.service missing a.service []",
          "empty.service masked /nix/store/u/empty.service []",
          "gone.service missing /nix/store/gone []", "linked.service /nix/store/x/any-name []",
          "loud.socket /nix/store/u/loud.socket []", "masked.service masked /dev/null []",
          "own.service /nix/store/u/own.service []",
          "real@.service /nix/store/u/real@.service [alias@.service second@.service]",
          "self.service " + kUsr + "self.service []", "stray.service missing nothing.service []"));
}

TEST(Units, OfAUserAreApart) {
  Image image;
  image.service("/etc/systemd/user/agent.service", "ExecStart=/bin/agent");
  EXPECT_THAT(read_units(image.tree, UnitManager::kSystem), IsEmpty());
  EXPECT_EQ(only(image.tree, UnitManager::kUser).location.name.text(), "agent.service");
}

TEST(Units, ReadDropInsByName) {
  Image image;
  image.service(kUsr + "a-b.service", "ExecStart=/bin/first");
  image.link(kUsr + "alias.service", "a-b.service");
  image.service(kUsr + "a-b.service.d/50.conf", "ExecStartPost=/bin/hidden");
  image.service(kEtc + "a-.service.d/50.conf", "ExecStartPost=/bin/prefix");
  image.service(kEtc + "service.d/90.conf", "ExecStartPost=/bin/all");
  image.service(kEtc + "alias.service.d/10.conf", "ExecStart=\nExecStart=/bin/second");
  image.link(kEtc + "a-b.service.d/60.conf", "/dev/null");
  image.service(kUsr + "a-b.service.d/60.conf", "ExecStartPost=/bin/masked");
  image.link(kEtc + "a-b.service.d/70.conf", "nowhere");
  image.service(kUsr + "a-b.service.d/70.conf", "ExecStartPost=/bin/not-masked");
  image.service(kEtc + "a-b.service.d/80.txt", "ExecStartPost=/bin/no");
  const Unit unit = only(image.tree);
  EXPECT_THAT(commands(unit),
              ElementsAre("ExecStart=/bin/second", "ExecStartPost=/bin/prefix",
                          "ExecStartPost=/bin/not-masked", "ExecStartPost=/bin/all"));
  EXPECT_THAT(unit.location.drop_ins,
              ElementsAre(kEtc + "alias.service.d/10.conf", kEtc + "a-.service.d/50.conf",
                          kUsr + "a-b.service.d/70.conf", kEtc + "service.d/90.conf"));
}

TEST(Units, CountATemplateOnceAndItsInstancesWithDropIns) {
  Image image;
  image.service(kEtc + "t@.service", "ExecStart=/bin/%i");
  image.service(kEtc + "t@one.service.d/x.conf", "ExecStart=\nExecStart=/bin/own-%i");
  image.service(kEtc + "t@.service.d/w.conf", "SELinuxContext=-u:r:t_t:s0");
  image.service(kEtc + "other@two.service.d/x.conf", "ExecStart=/bin/no-template");
  std::vector<Unit> units = read_units(image.tree, UnitManager::kSystem);
  ASSERT_EQ(units.size(), 2);
  EXPECT_EQ(units[0].location.name.text(), "t@.service");
  EXPECT_THAT(commands(units[0]),
              ElementsAre("ExecStart=/bin/%i !specifier '%i' is known at boot alone"));
  EXPECT_EQ(units[1].location.name.text(), "t@one.service");
  EXPECT_THAT(commands(units[1]), ElementsAre("ExecStart=/bin/own-one"));
  EXPECT_EQ(units[1].selinux_context, "u:r:t_t:s0");
}

TEST(Units, PutSettingsIntoEffect) {
  Image image;
  image.service(kEtc + "a.service",
                "ExecStop=/bin/stop\nExecStart=-/bin/start ; +/bin/more\nExecCondition=/bin/if\n"
                "SELinuxContext=u:r:a_t\nRootDirectory=/srv/a\nPAMName=login\n"
                "ExecSearchPath=/opt/bin:/opt/sbin\nExecSearchPath=/more\n"
                "[Unit]\nExecStart=/bin/no\n[Service]\nExecReload=/bin/kill $MAINPID\n");
  Unit unit = only(image.tree);
  EXPECT_THAT(commands(unit),
              ElementsAre("ExecCondition=/bin/if", "ExecStart=/bin/start", "ExecStart=+/bin/more",
                          "ExecReload=/bin/kill", "ExecStop=/bin/stop"));
  EXPECT_EQ(unit.selinux_context, "u:r:a_t");
  EXPECT_EQ(unit.root, "/srv/a");
  EXPECT_EQ(unit.pam_name, "login");
  EXPECT_THAT(unit.search_path, ElementsAre("/opt/bin", "/opt/sbin", "/more"));
  EXPECT_FALSE(unit.no_new_privileges);
  image.service(kEtc + "a.service.d/x.conf",
                "SELinuxContext=\nRootDirectory=\nExecSearchPath=\nPAMName=\n");
  unit = only(image.tree);
  EXPECT_EQ(unit.selinux_context + unit.root + unit.pam_name, "");
  EXPECT_THAT(unit.search_path, IsEmpty());
}

TEST(Units, KnowWhenNoNewPrivilegesHolds) {
  const std::map<std::string, bool> kCases = {
      {"NoNewPrivileges=yes", true},
      {"NoNewPrivileges=yes\nNoNewPrivileges=no", false},
      {"DynamicUser=1", true},
      {"SystemCallFilter=@system-service", false},  // root keeps its capabilities
      {"User=web\nSystemCallFilter=@system-service", true},
      {"User=web\nSystemCallFilter=@a\nSystemCallFilter=", false},
      {"User=root\nPrivateDevices=yes", false},
      {"User=web\nPrivateDevices=no", false},
      {"User=web", false},
  };
  for (const auto& [text, expected] : kCases) {
    Image image;
    image.service(kEtc + "a.service", text);
    EXPECT_EQ(only(image.tree).no_new_privileges, expected) << text;
  }
}

TEST(Units, TellWhatSystemdRefuses) {
  Image image;
  image.service(kEtc + "a.service", "ExecStart=/bin/a\nExecStart=bin/b\nExecStart=/bin/c\n");
  image.file(kEtc + "a.service.d/x.conf", "[Service]\nExecStop=/bin/d\n[\n");
  const Unit unit = only(image.tree);
  EXPECT_THAT(commands(unit), ElementsAre("ExecStart=/bin/a", "ExecStop=/bin/d"));
  EXPECT_THAT(unit.faults,
              ElementsAre(kEtc + "a.service: line 3: ExecStart: neither an absolute path nor a "
                                 "file name",
                          kEtc + "a.service.d/x.conf: line 3: malformed section header"));
}

/// What `command` prints.
std::string output_of(const std::string& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  if (!pipe) imagefmt::throw_errno("run a shell");
  std::string text;
  char part[4096];
  for (size_t length; (length = fread(part, 1, sizeof part, pipe.get())) != 0;) {
    text.append(part, length);
  }
  return text;
}

// systemd loads the same units from the same root and prints the drop-ins that it reads and the
// commands that come of them.
TEST(UnitsOracle, AgreeWithSystemd) {
  if (output_of("command -v systemd-analyze").empty()) {
    ASSERT_FALSE(getenv("CI")) << "systemd-analyze is missing";
    GTEST_SKIP() << "systemd-analyze is missing";
  }
  Image image;
  image.service(
      kUsr + "a-b-c.service",
      "Type=oneshot\nExecStart=/bin/one \"t w o\" \\\n  3\nExecStart=/bin/x\\x41 ; y ; z\n"
      "ExecStartPre=/bin/gone\n");
  image.link(kEtc + "alias.service", kUsr + "a-b-c.service");
  for (const char* folder :
       {"a-b-c.service.d", "a-b-.service.d", "a-.service.d", "alias.service.d", "service.d"}) {
    for (const std::string& path : {kEtc, kUsr}) {
      const std::string own = fmt::format("{}{}", path == kEtc ? "etc" : "usr", folder);
      for (const std::string& name : {std::string("same"), own}) {
        image.service(path + folder + '/' + name + ".conf",
                      "ExecStartPost=/bin/" + own + name + "\n");
      }
    }
  }
  image.service(kEtc + "a-b-c.service.d/aa.conf", "ExecStartPre=\n");
  image.service(kEtc + "t-u@.service", "Type=oneshot\nExecStart=/bin/%p ; /bin/%N\n");
  for (const char* name : {"t-u@i.service.d/same", "t-u@.service.d/same", "t-@i.service.d/prefix",
                           "t-@.service.d/prefix2", "t-@.service.d/same"}) {
    image.service(kUsr + name + ".conf", fmt::format("ExecStop=/bin/{}\n", name));
  }
  tests::TempDir folder;
  imagefmt::write_folder(image.tree, folder.path());

  std::map<std::string, Lines> expected;
  for (const char* unit : {"a-b-c.service", "t-u@i.service"}) {
    const std::string text = output_of("SYSTEMD_LOG_LEVEL=debug systemd-analyze --root='" +
                                       folder.path() + "' verify " + unit + " 2>/dev/null");
    Lines* lines = nullptr;
    for (size_t start = 0; start < text.size();) {
      const size_t end = std::min(text.find('\n', start), text.size());
      const std::string line = text.substr(start, end - start);
      start = end + 1;
      if (line.find("-> Unit ") != std::string::npos) {
        lines = line.find(unit) == std::string::npos ? nullptr : &expected[unit];
      }
      for (const char* key : {"DropIn Path: ", "Command Line: "}) {
        const size_t at = line.find(key);
        if (!lines || at == std::string::npos) continue;
        std::string value = line.substr(at + std::string_view(key).size());
        if (value.starts_with(folder.path())) value.erase(0, folder.path().size());
        lines->push_back(value.substr(0, value.find(' ')));
      }
    }
  }
  std::map<std::string, Lines> read;
  for (const Unit& unit : read_units(image.tree, UnitManager::kSystem)) {
    if (unit.location.name.is_template()) continue;
    Lines& lines = read[unit.location.name.text()] = unit.location.drop_ins;
    for (const UnitCommand& command : unit.commands) lines.push_back(command.program);
  }
  ASSERT_EQ(expected.size(), 2);
  EXPECT_EQ(read, expected);
}

}  // namespace
}  // namespace builder
