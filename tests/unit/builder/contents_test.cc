// SPDX-License-Identifier: Apache-2.0
#include "builder/contents.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "imagefmt/base/file.h"
#include "imagefmt/dump.h"
#include "tests/support/temp_dir.h"

namespace builder {
namespace {

using imagefmt::Content;
using imagefmt::FileTree;
using imagefmt::make_regular;
using testing::ElementsAre;
using tests::error_of;

const std::string kStorePath = "/nix/store/" + std::string(32, '0') + "-tool";

class Contents : public testing::Test {
 protected:
  Contents() {
    store_.insert(kStorePath + "/bin/tool", make_regular(Content::from_bytes("tool"), 0555));
    store_.insert(kStorePath + "/share/doc", make_regular(Content::from_bytes("doc"), 0444));
  }
  void host_file(const std::string& name, const std::string& bytes, mode_t mode) {
    std::filesystem::path path(host_ / name);
    std::filesystem::create_directories(path.parent_path());
    imagefmt::write_file(path, bytes);
    chmod(path.c_str(), mode);
  }
  std::vector<std::string> added(const std::string& json, const std::string& store_root = "") {
    Root root(store_.clone(), 1);
    add_contents(
        root, parse_contents(json, "c.json"), store_root, host_.path(),
        parse_passwd_and_group("www:x:33:33::/:/bin/sh\n", "passwd", "web:x:34:\n", "group"));
    std::vector<std::string> lines;
    for (const std::string& line : imagefmt::dump(root.tree())) {
      if (!line.starts_with("/nix")) lines.push_back(line);
    }
    return lines;
  }
  std::string failure(const std::string& json) {
    return error_of([&] { added(json); });
  }

  tests::TempDir host_;
  FileTree store_;
};

TEST_F(Contents, AddsEveryType) {
  host_file("plain", "1", 0666);
  host_file("script", "22", 0700);
  host_file("tree/b/file", "333", 0600);
  std::filesystem::create_symlink("b/file", host_ / "tree/a");
  EXPECT_THAT(
      added(R"([{"target": "/usr", "type": "symlink", "source": "/nix/store/sw"},
                {"target": "/opt/plain", "type": "file", "source": "plain"},
                {"target": "/opt/script", "type": "file", "source": ")" +
            (host_ / "script") + R"("},
                {"target": "/opt/secret", "type": "file", "source": "plain", "mode": "0400",
                 "user": "www", "group": "web"},
                {"target": "/srv/copy", "type": "directory", "source": "tree", "mode": "2750",
                 "user": 5, "group": 6},
                {"target": "//data/./", "type": "directory", "mode": "1777"},
                {"target": "/opt", "type": "directory", "user": 7}])"),
      ElementsAre("/\td\t0755\t0\t0\t0\t-", "/data\td\t1777\t0\t0\t0\t-",
                  "/opt\td\t0755\t7\t0\t0\t-", "/opt/plain\tf\t0644\t0\t0\t1\t-",
                  "/opt/script\tf\t0755\t0\t0\t2\t-", "/opt/secret\tf\t0400\t33\t34\t1\t-",
                  "/srv\td\t0755\t0\t0\t0\t-", "/srv/copy\td\t2750\t5\t6\t0\t-",
                  "/srv/copy/a\tl\t0777\t5\t6\t6\t-\tb/file", "/srv/copy/b\td\t0755\t5\t6\t0\t-",
                  "/srv/copy/b/file\tf\t0644\t5\t6\t3\t-",
                  "/usr\tl\t0777\t0\t0\t13\t-\t/nix/store/sw"));
}

TEST_F(Contents, TakesSourcesFromTheClosure) {
  EXPECT_THAT(added(R"([{"target": "/copy", "type": "directory", "source": ")" + kStorePath + R"("},
                        {"target": "/doc", "type": "file", "source": ")" +
                    kStorePath + R"(/share/doc"}])"),
              ElementsAre("/\td\t0755\t0\t0\t0\t-", "/copy\td\t0755\t0\t0\t0\t-",
                          "/copy/bin\td\t0755\t0\t0\t0\t-", "/copy/bin/tool\tf\t0755\t0\t0\t4\t-",
                          "/copy/share\td\t0755\t0\t0\t0\t-",
                          "/copy/share/doc\tf\t0644\t0\t0\t3\t-", "/doc\tf\t0644\t0\t0\t3\t-"));
}

TEST_F(Contents, TakesOtherStorePathsFromBelowTheStoreRoot) {
  std::string other = "/nix/store/" + std::string(32, '1') + "-other";
  std::string linked = "/nix/store/" + std::string(32, '2') + "-linked";
  host_file(other.substr(1), "other", 0444);
  std::filesystem::create_symlink(other, host_ / linked.substr(1));
  EXPECT_THAT(
      added(R"([{"target": "/a", "type": "file", "source": ")" + linked + R"("}])", host_.path()),
      ElementsAre("/\td\t0755\t0\t0\t0\t-", "/a\tf\t0644\t0\t0\t5\t-"));
}

TEST_F(Contents, SetsTheRootsOwnMode) {
  EXPECT_THAT(added(R"([{"target": "/", "type": "directory", "mode": "0555", "user": 1}])"),
              ElementsAre("/\td\t0555\t1\t0\t0\t-"));
}

TEST_F(Contents, RefusesSecondSources) {
  EXPECT_EQ(
      failure(R"([{"target": "/a", "type": "symlink", "source": "x"},
                        {"target": "/a", "type": "symlink", "source": "x"},
                        {"target": "/a/b", "type": "directory"},
                        {"target": "/d", "type": "directory"},
                        {"target": "/d", "type": "directory"},
                        {"target": "/e/f", "type": "symlink", "source": "x"},
                        {"target": "/e", "type": "symlink", "source": "x"},
                        {"target": "/nix/store/x", "type": "directory"}])"),
      "cannot add '/a' from entry 2 of 'c.json': there is '/a', a symlink from entry 1 of "
      "'c.json', already\n"
      "cannot add '/a/b' from entry 3 of 'c.json': it lies below '/a', a symlink from entry 1 "
      "of 'c.json'\n"
      "cannot add '/d' from entry 5 of 'c.json': there is '/d', a folder from entry 4 of "
      "'c.json', already\n"
      "cannot add '/e' from entry 7 of 'c.json': there is '/e', a folder from the skeleton of "
      "the root, already\n"
      "cannot add '/nix/store/x' from entry 8 of 'c.json': the closure alone supplies what "
      "lies in /nix/store");
}

TEST_F(Contents, RefusesBadSources) {
  host_file("plain", "1", 0644);
  ASSERT_EQ(mkfifo((host_ / "pipe").c_str(), 0644), 0);
  std::filesystem::create_directories(host_ / "tree");
  ASSERT_EQ(mkfifo((host_ / "tree/pipe").c_str(), 0644), 0);
  std::filesystem::create_symlink("loop", host_ / "loop");
  EXPECT_EQ(failure(R"([{"target": "/a", "type": "file", "source": "none"},
                        {"target": "/b", "type": "file", "source": "tree"},
                        {"target": "/c", "type": "directory", "source": "plain"},
                        {"target": "/d", "type": "file", "source": "pipe"},
                        {"target": "/e", "type": "directory", "source": "tree"},
                        {"target": "/f", "type": "file", "source": "loop"},
                        {"target": "/g", "type": "file", "source": "plain", "user": "nobody"},
                        {"target": "/h", "type": "file", "source": "plain", "group": "none"}])"),
            "entry 1 of 'c.json': cannot stat '" + (host_ / "none") +
                "': No such file or directory\n"
                "entry 2 of 'c.json': cannot take '" +
                (host_ / "tree/pipe") +
                "': a fifo, expected a file, a folder or a symlink\n"
                "entry 3 of 'c.json': cannot read 'plain': not a folder\n"
                "entry 4 of 'c.json': cannot read '" +
                (host_ / "pipe") +
                "': not a regular file\n"
                "entry 5 of 'c.json': cannot take '" +
                (host_ / "tree/pipe") +
                "': a fifo, expected a file, a folder or a symlink\n"
                "entry 6 of 'c.json': cannot read '" +
                (host_ / "loop") +
                "': more than 40 symlinks\n"
                "entry 7 of 'c.json': the image has no user 'nobody'\n"
                "entry 8 of 'c.json': the image has no group 'none'");
}

struct BadContents {
  const char* json;
  const char* message;
};

class ParseBadContents : public testing::TestWithParam<BadContents> {};

TEST_P(ParseBadContents, TellsWhy) {
  EXPECT_EQ(error_of([] { parse_contents(GetParam().json, "c.json"); }), GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseBadContents,
    testing::Values(
        BadContents{"[", "c.json:1:2: malformed JSON"},
        BadContents{"{}", "cannot read 'c.json': expected a list"},
        BadContents{"[1, {}]",
                    "entry 1 of 'c.json': expected an object\n"
                    "entry 2 of 'c.json': 'target' is missing"},
        BadContents{R"([{"target": "/a"}])", "entry 1 of 'c.json': 'type' is missing"},
        BadContents{R"([{"target": "/a", "type": "file"}])",
                    "entry 1 of 'c.json': 'source' is missing"},
        BadContents{R"([{"target": "/a", "type": "symlink", "source": ""}])",
                    "entry 1 of 'c.json': 'source' is missing"},
        BadContents{R"([{"target": "a", "type": "directory"}])",
                    "entry 1 of 'c.json': bad target 'a': expected an absolute path"},
        BadContents{R"([{"target": "/a/../b", "type": "directory"}])",
                    "entry 1 of 'c.json': bad target '/a/../b': it has a '..'"},
        BadContents{R"([{"target": "/", "type": "symlink", "source": "x"}])",
                    "entry 1 of 'c.json': bad target '/': the root is a directory"},
        BadContents{
            R"([{"target": "/a", "type": "fifo"}])",
            "entry 1 of 'c.json': bad type 'fifo': expected 'symlink', 'file' or 'directory'"},
        BadContents{R"([{"target": "/a", "type": "directory", "mode": "0899"}])",
                    "entry 1 of 'c.json': bad mode '0899': expected octal digits up to 7777"},
        BadContents{R"([{"target": "/a", "type": "directory", "mode": "17777"}])",
                    "entry 1 of 'c.json': bad mode '17777': expected octal digits up to 7777"},
        BadContents{R"([{"target": "/a", "type": "directory", "mode": 755}])",
                    "entry 1 of 'c.json': 'mode' is no string"},
        BadContents{
            R"([{"target": "/a", "type": "directory", "user": -1}])",
            "entry 1 of 'c.json': 'user' is neither a name nor a number from 0 to 4294967294"},
        BadContents{
            R"([{"target": "/a", "type": "directory", "group": 4294967295}])",
            "entry 1 of 'c.json': 'group' is neither a name nor a number from 0 to 4294967294"},
        BadContents{R"([{"target": "/a\u0000b", "type": "directory"}])",
                    "entry 1 of 'c.json': 'target' holds a NUL byte"},
        BadContents{R"([{"target": "/a", "type": "directory", "owner": 0}])",
                    "entry 1 of 'c.json': unknown key 'owner'"}));

}  // namespace
}  // namespace builder
