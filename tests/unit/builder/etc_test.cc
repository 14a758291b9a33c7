// SPDX-License-Identifier: Apache-2.0
#include "builder/etc.h"

#include <gmock/gmock.h>

#include "imagefmt/dump.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_directory;
using imagefmt::make_regular;
using imagefmt::make_symlink;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::error_of;

const std::string kEtc = "/nix/store/h-etc/etc";
const std::string kFile = "/nix/store/h-file";

Accounts some_accounts() {
  return parse_passwd_and_group(
      "root:x:0:0::/root:/bin/sh\nalice:x:1000:100::/home/alice:/bin/sh\n", "passwd",
      "root:x:0:\nshadow:x:318:\n", "group");
}

class FillEtc : public testing::Test {
 protected:
  FillEtc() { store_.insert(kFile, make_regular(Content::from_bytes("text"), 0444)); }

  void text(const std::string& name, const std::string& bytes) {
    store_.insert(kEtc + "/" + name, make_regular(Content::from_bytes(bytes), 0444));
  }
  void link(const std::string& name, const std::string& target = kFile) {
    store_.insert(kEtc + "/" + name, make_symlink(target));
  }
  /// The lines of /etc, but for /etc itself, /etc/static and /etc/NIXOS.
  std::vector<std::string> filled() {
    Root root(store_.clone(), 1);
    fill_etc(root, kEtc, some_accounts(), warnings_);
    EXPECT_EQ(root.tree().find("/etc/static")->symlink()->target, kEtc);
    EXPECT_EQ(root.tree().find("/etc/NIXOS")->regular()->content.size_bytes(), 0u);
    std::vector<std::string> lines;
    for (const std::string& line : imagefmt::dump(root.tree())) {
      if (line.starts_with("/etc/") && !line.starts_with("/etc/static\t") &&
          !line.starts_with("/etc/NIXOS\t")) {
        lines.push_back(line);
      }
    }
    return lines;
  }
  std::string failure() {
    return error_of([&] { filled(); });
  }

  FileTree store_;
  std::vector<std::string> warnings_;
};

TEST_F(FillEtc, LinksEachEntryThroughStatic) {
  link("hosts");
  link("ssh/sshd_config");
  EXPECT_THAT(filled(), ElementsAre("/etc/hosts\tl\t0777\t0\t0\t17\t-\t/etc/static/hosts",
                                    "/etc/ssh\td\t0755\t0\t0\t0\t-",
                                    "/etc/ssh/sshd_config\tl\t0777\t0\t0\t27\t-"
                                    "\t/etc/static/ssh/sshd_config"));
}

TEST_F(FillEtc, KeepsAFolderThatIsOneLink) {
  store_.insert("/nix/store/h-units/a.service", make_regular(Content::from_bytes("u"), 0444));
  link("systemd/system", "/nix/store/h-units");
  EXPECT_THAT(filled(), ElementsAre("/etc/systemd\td\t0755\t0\t0\t0\t-",
                                    "/etc/systemd/system\tl\t0777\t0\t0\t26\t-"
                                    "\t/etc/static/systemd/system"));
}

TEST_F(FillEtc, CopiesAnEntryWithAMode) {
  link("shadow");
  text("shadow.mode", "0640\n");
  text("shadow.uid", "+0\n");
  text("shadow.gid", "shadow\n");
  link("token");
  text("token.mode", "400\n");
  text("token.uid", "alice\n");
  text("token.gid", "+65534\n");
  EXPECT_THAT(filled(), ElementsAre("/etc/shadow\tf\t0640\t0\t318\t4\t-",
                                    "/etc/token\tf\t0400\t1000\t65534\t4\t-"));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(FillEtc, CopiesWithoutOwnersToRoot) {
  text("key", "k");
  text("key.mode", "0600");
  EXPECT_THAT(filled(), ElementsAre("/etc/key\tf\t0600\t0\t0\t1\t-"));
}

TEST_F(FillEtc, TakesBareNumbersForOwners) {
  link("a");
  text("a.mode", "0644\n");
  text("a.uid", "7\n");
  text("a.gid", "8\n");
  EXPECT_THAT(filled(), ElementsAre("/etc/a\tf\t0644\t7\t8\t4\t-"));
}

TEST_F(FillEtc, WarnsOfAnUnknownOwner) {
  link("a");
  text("a.mode", "0644\n");
  text("a.uid", "bob\n");
  EXPECT_THAT(filled(), ElementsAre("/etc/a\tf\t0644\t0\t0\t4\t-"));
  EXPECT_THAT(warnings_, ElementsAre("'/etc/a' is to belong to 'bob', which the image does not "
                                     "have: it belongs to 0"));
}

TEST_F(FillEtc, LinksByTheModeSymlink) {
  link("a");
  text("a.mode", "symlink\n");
  text("a.uid", "+0\n");
  EXPECT_THAT(filled(), ElementsAre("/etc/a\tl\t0777\t0\t0\t13\t-\t/etc/static/a"));
}

TEST_F(FillEtc, LinksDirectly) {
  link("localtime", "/nix/store/h-tz/UTC");
  text("localtime.mode", "direct-symlink\n");
  text("plain", "p");
  text("plain.mode", "direct-symlink\n");
  EXPECT_THAT(filled(), ElementsAre("/etc/localtime\tl\t0777\t0\t0\t19\t-\t/nix/store/h-tz/UTC",
                                    "/etc/plain\tl\t0777\t0\t0\t26\t-\t" + kEtc + "/plain"));
}

TEST_F(FillEtc, TakesNotesForEntriesWithoutAnEntry) {
  text("lonely.mode", "0600\n");
  link("a");
  link("a.uid");
  EXPECT_THAT(filled(),
              ElementsAre("/etc/a\tl\t0777\t0\t0\t13\t-\t/etc/static/a",
                          "/etc/a.uid\tl\t0777\t0\t0\t17\t-\t/etc/static/a.uid",
                          "/etc/lonely.mode\tl\t0777\t0\t0\t23\t-\t/etc/static/lonely.mode"));
}

TEST_F(FillEtc, LeavesEmptyFoldersOut) {
  store_.insert(kEtc + "/empty", make_directory(0555));
  EXPECT_THAT(filled(), IsEmpty());
}

TEST_F(FillEtc, TellsAllMistakes) {
  link("bad");
  text("bad.mode", "rw-r--r--\n");
  link("gone", "/nix/store/h-none");
  text("gone.mode", "0644\n");
  link("folder", "/nix/store");
  text("folder.mode", "0755\n");
  text("static", "s");
  EXPECT_EQ(failure(),
            "bad mode 'rw-r--r--' in '" + kEtc +
                "/bad.mode': expected 'symlink', 'direct-symlink' or octal digits up to 7777\n"
                "cannot copy '" +
                kEtc + "/folder' to '/etc/folder': not a regular file\n" + "cannot copy '" + kEtc +
                "/gone' to '/etc/gone': its link leads to nothing\n"
                "cannot add '/etc/static' from the closure's etc '" +
                kEtc + "': there is '/etc/static', a symlink from the closure's etc '" + kEtc +
                "', already");
}

TEST_F(FillEtc, RefusesAFolderThatIsNoFolder) {
  EXPECT_EQ(failure(), "cannot read '" + kEtc + "': nothing stands there");
}

}  // namespace
}  // namespace builder
